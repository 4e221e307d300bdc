import {
  BACKWARDS,
  binaryEvent,
  END,
  jsonEvent,
  START,
  StreamNotFoundError,
  UnknownError,
  type ReadStreamOptions,
} from '@eventstore/db-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  collect,
  eventOf,
  freshIds,
  freshStream,
  officialClient,
} from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

async function streamOf(count: number): Promise<string> {
  const stream = freshStream()
  await es.append(stream, freshIds(count), 'no_stream', 'BatchAppend')
  return stream
}

async function revisions(stream: string, options: ReadStreamOptions): Promise<number[]> {
  const read = es.client.readStream(stream, options)
  return (await collect(read)).map(({ event }) => Number(event?.revision))
}

test.each<[string, ReadStreamOptions, number[]]>([
  ['everything', {}, [0, 1, 2, 3, 4]],
  ['from a revision on, itself included', { fromRevision: 2n }, [2, 3, 4]],
  ['no more than asked for', { fromRevision: 1n, maxCount: 2 }, [1, 2]],
  ['nothing behind the end', { fromRevision: 9n }, []],
  ['backwards from the end', { direction: BACKWARDS, fromRevision: END }, [4, 3, 2, 1, 0]],
  ['backwards, the revision included', { direction: BACKWARDS, fromRevision: 2n }, [2, 1, 0]],
  [
    'backwards from beyond the end',
    { direction: BACKWARDS, fromRevision: 9n, maxCount: 2 },
    [4, 3],
  ],
  ['backwards from the start', { direction: BACKWARDS, fromRevision: START }, [0]],
])('a stream is read: %s', async (_case, options, expected) => {
  const stream = await streamOf(5)

  expect(await revisions(stream, options)).toEqual(expected)
})

test('a stream of many pages is read in order, both ways', async () => {
  const stream = await streamOf(700)
  const all = Array.from({ length: 700 }, (_, index) => index)

  expect(await revisions(stream, {})).toEqual(all)
  expect(await revisions(stream, { direction: BACKWARDS, fromRevision: END })).toEqual(
    all.toReversed(),
  )
})

test('a missing stream is not found', async () => {
  await expect(revisions(freshStream(), {})).rejects.toThrow(StreamNotFoundError)
})

test.each<[string, ReadStreamOptions]>([
  ['no events', { maxCount: 0 }],
  ['forwards from the end', { fromRevision: END }],
])('asking for %s is an error', async (_case, options) => {
  const stream = await streamOf(1)

  await expect(revisions(stream, options)).rejects.toThrow(UnknownError)
})

test('an event is read as it was written', async () => {
  const stream = freshStream()
  const event = jsonEvent({ type: 'Ümlaut', data: { a: ['ß', 1] }, metadata: { by: 'me' } })
  const before = Date.now()
  const { position } = await es.client.appendToStream(stream, event)

  const [read] = await collect(es.client.readStream(stream))

  expect(read?.event).toMatchObject({
    id: event.id,
    type: 'Ümlaut',
    data: { a: ['ß', 1] },
    metadata: { by: 'me' },
    isJson: true,
    streamId: stream,
    revision: 0n,
    position,
  })
  const created = read?.event?.created.getTime() ?? 0
  expect(created).toBeGreaterThanOrEqual(before)
  expect(created).toBeLessThanOrEqual(Date.now())
})

test('bytes are read as they were written', async () => {
  const stream = freshStream()
  const data = Uint8Array.from([0, 255, 128, 10])
  await es.client.appendToStream(stream, binaryEvent({ type: 'Bytes', data, metadata: data }))

  const [read] = await collect(es.client.readStream(stream))

  expect(read?.event).toMatchObject({ isJson: false, data, metadata: data })
})

test('positions rise with every event, and an append answers with that of its last', async () => {
  const stream = freshStream()
  const first = await es.client.appendToStream(stream, [eventOf(), eventOf(), eventOf()])
  const second = await es.client.appendToStream(stream, eventOf())

  const read = await collect(es.client.readStream(stream))

  const positions = read.map(({ event }) => event?.position?.commit ?? 0n)
  expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)))
  expect(new Set(positions).size).toBe(4)
  expect(positions[0]).toBeGreaterThan(0n)
  expect([positions[2], positions[3]]).toEqual([first.position?.commit, second.position?.commit])
})

test('the whole log is read in the order it was written, system events included', async () => {
  const stream = freshStream()
  const after = await es.lastPosition()
  await es.client.appendToStream(stream, eventOf(undefined, 'A'))
  await es.client.setStreamMetadata(stream, { maxCount: 9 })
  await es.client.appendToStream(stream, eventOf(undefined, 'B'))

  const read = es.client.readAll({ fromPosition: { commit: after, prepare: after } })

  const types = (await collect(read)).map(({ event }) => event?.type)
  expect(types.slice(-3)).toEqual(['A', '$metadata', 'B'])
})

test('the whole log is read forwards with, backwards without the event at the position', async () => {
  const stream = freshStream()
  const { position: fromPosition } = await es.client.appendToStream(stream, eventOf(undefined, 'A'))
  await es.client.appendToStream(stream, eventOf(undefined, 'B'))
  await es.client.appendToStream(stream, eventOf(undefined, 'C'))
  if (!fromPosition) throw new Error('no position')

  const forwards = await collect(es.client.readAll({ fromPosition, maxCount: 2 }))
  const end = forwards[1]?.event?.position
  if (!end) throw new Error('no second event')
  const backwards = es.client.readAll({ fromPosition: end, direction: BACKWARDS, maxCount: 1 })

  expect(forwards.map(({ event }) => event?.type)).toEqual(['A', 'B'])
  expect((await collect(backwards)).map(({ event }) => event?.type)).toEqual(['A'])
})

test('appends of many writers lie in the log whole, one behind the other', async () => {
  const after = await es.lastPosition()
  const writers = Array.from({ length: 30 }, () => freshStream())
  await Promise.all(
    writers.map((stream) => es.append(stream, freshIds(3), 'no_stream', 'BatchAppend')),
  )

  const read = es.client.readAll({ fromPosition: { commit: after, prepare: after } })

  const streams = (await collect(read)).map(({ event }) => event?.streamId).slice(-90)
  const runs = streams.filter((stream, index) => stream !== streams[index - 1])
  expect(runs).toHaveLength(30)
  expect(streams).toHaveLength(90)
})

test('a link is followed one level where that is asked for', async () => {
  const target = await streamOf(2)
  const links = freshStream()
  const link = binaryEvent({ type: '$>', data: Buffer.from(`1@${target}`) })
  await es.client.appendToStream(links, link)

  const plain = await collect(es.client.readStream(links))
  const [resolved] = await collect(es.client.readStream(links, { resolveLinkTos: true }))

  expect(plain[0]?.event).toMatchObject({ id: link.id, streamId: links })
  expect(resolved?.event).toMatchObject({ streamId: target, revision: 1n })
  expect(resolved?.link).toMatchObject({ id: link.id, streamId: links })
})

test.each(['9', 'deleted'])('a link to nothing (%s) comes without an event', async (kind) => {
  const target = await streamOf(2)
  const links = freshStream()
  if (kind === 'deleted') await es.client.deleteStream(target)
  const data = Buffer.from(`${kind === 'deleted' ? 0 : 9}@${target}`)
  await es.client.appendToStream(links, binaryEvent({ type: '$>', data }))

  const [read] = await collect(es.client.readStream(links, { resolveLinkTos: true }))

  expect(read?.event).toBeUndefined()
  expect(read?.link?.streamId).toBe(links)
})
