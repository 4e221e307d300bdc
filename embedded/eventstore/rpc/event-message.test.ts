import { randomUUID } from 'node:crypto'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { expect, test } from 'vitest'
import type { StoredEvent } from '../log/frame.ts'
import { DELETED_REVISION } from '../rules/stream-metadata.ts'
import { eventResponse } from './event-message.ts'
import { structuredUuid } from './uuid.ts'

function storedEvent(changed: Partial<StoredEvent> = {}): StoredEvent {
  const texts = { stream: 'store-1', type: 'Happened', contentType: 'application/json' }
  const bodies = { metadata: Buffer.from('{"a":1}'), data: Buffer.from('{}') }
  const place = { position: 36, revision: 1n, createdMs: 1_700_000_000_000 }
  return { id: randomUUID(), ...texts, ...bodies, ...place, ...changed }
}

/** What the generated classes make of the event. */
function generated(event: StoredEvent, textIds: boolean) {
  const message = new streams.ReadResp.ReadEvent.RecordedEvent()
    .setId(textIds ? new shared.UUID().setString(event.id) : structuredUuid(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)))
    .setStreamRevision(`${event.revision}`)
    .setCommitPosition(`${event.position}`)
    .setPreparePosition(`${event.position}`)
    .setCustomMetadata(event.metadata)
    .setData(event.data)
  message.getMetadataMap().set('type', event.type)
  message.getMetadataMap().set('content-type', event.contentType)
  message.getMetadataMap().set('created', `${Math.trunc(event.createdMs)}0000`)
  return message
}

const cases: [string, StoredEvent][] = [
  ['an ordinary one', storedEvent()],
  ['the first of its stream', storedEvent({ revision: 0n })],
  ['a tombstone', storedEvent({ revision: DELETED_REVISION })],
  ['one far into the log', storedEvent({ position: 2 ** 52 + 1, revision: 2n ** 40n })],
  ['nothing in it', storedEvent({ metadata: Buffer.alloc(0), data: Buffer.alloc(0) })],
  ['other letters', storedEvent({ stream: 'ünïcode-😀', type: '事件' })],
  [
    'a long one',
    storedEvent({ data: Buffer.alloc(300_000, 1), metadata: Buffer.alloc(70_000, 2) }),
  ],
  ['a long name', storedEvent({ stream: '界'.repeat(21_000) })],
  ['an id of zeros', storedEvent({ id: '00000000-0000-0000-0000-000000000000' })],
  ['half an id', storedEvent({ id: 'ffffffff-ffff-ffff-0000-000000000000' })],
  ...[2 ** 7, 2 ** 14, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 35].flatMap(
    (edge): [string, StoredEvent][] =>
      [edge - 1, edge].map((position) => [
        `position ${position}`,
        storedEvent({ position, revision: BigInt(position) }),
      ]),
  ),
]

test.each(cases)(
  'an event (%s) is the same bytes as the generated classes make',
  (_case, event) => {
    for (const textIds of [true, false]) {
      const position = `${event.position}`
      const read = new streams.ReadResp.ReadEvent().setEvent(generated(event, textIds))
      const response = new streams.ReadResp().setEvent(read.setCommitPosition(position))
      const bytes = eventResponse(event, undefined, textIds)

      expect(bytes.equals(response.serializeBinary())).toBe(true)
    }
  },
)

test('a link is sent with the event it leads to, or without one, at its own position', () => {
  const event = storedEvent()
  const link = storedEvent({ type: '$>', position: 700 })
  for (const target of [event, undefined]) {
    const read = new streams.ReadResp.ReadEvent().setLink(generated(link, true))
    if (target) read.setEvent(generated(target, true))
    const response = new streams.ReadResp().setEvent(read.setCommitPosition('700'))

    expect(eventResponse(target, link, true).equals(response.serializeBinary())).toBe(true)
  }
})
