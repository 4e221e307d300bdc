import { StreamDeletedError } from '@eventstore/db-client'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import * as fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { oddMessage } from '#test/servers/odd-messages'
import { freshIds, freshStream, officialClient } from '#test/servers/official-client'
import {
  appendRequests,
  batchRequest,
  rawClient,
  streamsPath,
  uuidOf,
} from '#test/servers/raw-client'

const CALLS = Number(process.env['TEST_CALLS'] ?? 1_000)
const AT_ONCE = 100
/** Other calls end by themselves; a subscription goes on for as long as its client wants. */
const SUBSCRIPTION_MS = 1_000
const TEST_LIMIT_MS = 60_000 * Math.ceil(CALLS / 1_000)

let es: Awaited<ReturnType<typeof officialClient>>
let raw: ReturnType<typeof rawClient>
beforeAll(async () => {
  es = await officialClient()
  raw = rawClient(Number(new URL(es.server.url).port))
})
afterAll(async () => {
  raw[Symbol.dispose]()
  await es[Symbol.asyncDispose]()
})

const named = () => new shared.StreamIdentifier().setStreamName(Buffer.from('a'))
const all = () => new streams.ReadReq.Options.AllOptions().setStart(new shared.Empty())

const reads = [
  readOptions().setStream(
    new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(named()).setRevision('0'),
  ),
  readOptions().setAll(all()),
  readOptions().setAll(all()).setSubscription(new streams.ReadReq.Options.SubscriptionOptions()),
  readOptions().setAll(all()).setFilter(filter()),
].map((options) => new streams.ReadReq().setOptions(options))

test.each([
  [streamsPath('Read'), reads],
  [streamsPath('Append'), appendRequests('a')],
  [streamsPath('BatchAppend'), [batchRequest('a').setCorrelationId(uuidOf(randomUUID()))]],
  [streamsPath('Delete'), [new streams.DeleteReq().setOptions(deleteOptions())]],
  [streamsPath('Tombstone'), [new streams.TombstoneReq().setOptions(tombstoneOptions())]],
  ['/event_store.client.server_features.ServerFeatures/GetSupportedMethods', [new shared.Empty()]],
  ['/event_store.client.gossip.Gossip/Read', [new shared.Empty()]],
  ['/no.Such/Method', [new shared.Empty()]],
])('no message to %s ends the server', { timeout: TEST_LIMIT_MS }, async (path, valid) => {
  const odd = oddMessage(valid.map((message) => message.serializeBinary()))
  const calls = fc.sample(fc.array(odd, { maxLength: 4 }), CALLS)
  const giveUpMs = path.endsWith('Read') ? SUBSCRIPTION_MS : undefined

  while (calls.length > 0)
    await Promise.all(
      calls.splice(0, AT_ONCE).map(async (messages) => {
        const { status } = await raw.call(path, messages, giveUpMs)
        const sent = messages.map((bytes) => Buffer.from(bytes).toString('hex'))
        expect({ status, sent }).not.toMatchObject({ status: 'UNAVAILABLE' })
      }),
    )

  expect(await es.append(freshStream(), freshIds(1), 'no_stream', 'BatchAppend')).toBe('success 0')
})

test('the longest stream name can be deleted and ended, one longer is refused', async () => {
  const longest = 'x'.repeat(0xffff - 2)
  await es.append(longest, freshIds(1), 'no_stream', 'Append')

  await es.client.deleteStream(longest)
  await es.client.tombstoneStream(longest)

  await expect(es.client.tombstoneStream(longest)).rejects.toThrow(StreamDeletedError)
  await expect(es.client.deleteStream(`${longest}x`)).rejects.toThrow(/too long/)
  expect(await es.append(freshStream(), freshIds(1), 'no_stream', 'BatchAppend')).toBe('success 0')
})

test('what odd messages have written can be read at the next start', async () => {
  const stream = freshStream()
  const ids = freshIds(3)
  await es.append(stream, ids, 'no_stream', 'Append')

  await es.server.kill()
  await es.server.restart()

  await expect.poll(() => es.idsOf(stream)).toEqual(ids)
})

function readOptions(): streams.ReadReq.Options {
  return new streams.ReadReq.Options()
    .setCount('10')
    .setNoFilter(new shared.Empty())
    .setUuidOption(new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty()))
}

function filter(): streams.ReadReq.Options.FilterOptions {
  const expression = new streams.ReadReq.Options.FilterOptions.Expression().setRegex('^a')
  return new streams.ReadReq.Options.FilterOptions().setEventType(expression).setMax(32)
}

function deleteOptions(): streams.DeleteReq.Options {
  return new streams.DeleteReq.Options().setStreamIdentifier(named()).setAny(new shared.Empty())
}

function tombstoneOptions(): streams.TombstoneReq.Options {
  return new streams.TombstoneReq.Options().setStreamIdentifier(named()).setAny(new shared.Empty())
}
