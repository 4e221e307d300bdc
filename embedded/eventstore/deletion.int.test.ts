import { StreamDeletedError, WrongExpectedVersionError } from '@eventstore/db-client'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, freshIds, freshStream, officialClient } from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

async function deletedStream(ids: string[]): Promise<string> {
  const stream = freshStream()
  await es.append(stream, ids, 'no_stream', 'BatchAppend')
  await es.client.deleteStream(stream)
  return stream
}

async function truncateBeforeOf(stream: string): Promise<unknown> {
  const { metadata } = await es.client.getStreamMetadata(stream)
  return metadata?.truncateBefore
}

test('a deleted stream is not found', async () => {
  const stream = await deletedStream(freshIds(3))

  expect(await es.idsOf(stream)).toEqual([])
})

test('deleting stands in the log and answers with its position', async () => {
  const stream = freshStream()
  await es.append(stream, freshIds(1), 'no_stream', 'BatchAppend')

  const { position } = await es.client.deleteStream(stream, { expectedRevision: 0n })

  expect(position?.commit).toBe(await es.lastPosition())
})

test.each(['no_stream', 'any', 2n] as const)(
  'writing to a deleted stream at %s brings it back behind what it held',
  async (expectedRevision) => {
    const stream = await deletedStream(freshIds(3))
    const ids = freshIds(2)

    const answer = await es.append(stream, ids, expectedRevision, 'BatchAppend')

    expect(answer).toBe('success 4')
    expect(await es.idsOf(stream)).toEqual(ids)
    expect(await truncateBeforeOf(stream)).toBe(3)
  },
)

test('an append repeated after the deletion succeeds, writes nothing and leaves the stream deleted', async () => {
  const ids = freshIds(3)
  const stream = await deletedStream(ids)

  const answer = await es.append(stream, ids, 'no_stream', 'BatchAppend')

  expect(answer).toBe('success 2 nowhere')
  expect(await es.idsOf(stream)).toEqual([])
})

test('a deleted stream does not exist to a writer that expects one', async () => {
  const stream = await deletedStream(freshIds(1))

  expect(await es.append(stream, freshIds(1), 'stream_exists', 'BatchAppend')).toBe('deleted')
})

test('metadata written to a deleted stream does not show what was deleted', async () => {
  const stream = await deletedStream(freshIds(3))

  await es.client.setStreamMetadata(stream, { maxCount: 10 })

  expect(await truncateBeforeOf(stream)).toBe(3)
  expect(await es.idsOf(stream)).toEqual([])
})

test('a stream that has metadata only exists to a writer that expects one', async () => {
  const stream = freshStream()
  await es.client.setStreamMetadata(stream, { maxCount: 10 })

  expect(await es.append(stream, freshIds(1), 'stream_exists', 'BatchAppend')).toBe('success 0')
})

test.each(['deleteStream', 'tombstoneStream'] as const)(
  '%s at another revision is refused and says which is current',
  async (remove) => {
    const stream = freshStream()
    const ids = freshIds(2)
    await es.append(stream, ids, 'no_stream', 'BatchAppend')

    const refused = es.client[remove](stream, { expectedRevision: 0n })

    await expect(refused).rejects.toMatchObject({
      constructor: WrongExpectedVersionError,
      actualVersion: 1n,
      expectedVersion: 0n,
    })
    expect(await es.idsOf(stream)).toEqual(ids)
  },
)

test('a tombstoned stream can be neither read nor written nor removed again', async () => {
  const stream = freshStream()
  await es.append(stream, freshIds(2), 'no_stream', 'BatchAppend')
  await es.client.tombstoneStream(stream, { expectedRevision: 1n })

  await expect(es.idsOf(stream)).rejects.toThrow(StreamDeletedError)
  await expect(es.client.deleteStream(stream)).rejects.toThrow(StreamDeletedError)
  await expect(es.client.tombstoneStream(stream)).rejects.toThrow(StreamDeletedError)
  expect(await es.append(stream, freshIds(1), 'any', 'BatchAppend')).toBe('deleted')
  expect(await es.append(stream, freshIds(1), 1n, 'Append')).toBe('deleted')
})

test('a tombstoned stream stays so after a restart, and a deleted one too', async () => {
  const tombstoned = freshStream()
  await es.client.tombstoneStream(tombstoned)
  const deleted = await deletedStream(freshIds(2))

  await es.server.kill()
  await es.server.restart()

  await eventually(() => expect(es.idsOf(tombstoned)).rejects.toThrow(StreamDeletedError))
  expect(await es.idsOf(deleted)).toEqual([])
})

test('what was deleted or tombstoned stays in the whole log', async () => {
  const stream = freshStream()
  const event = eventOf()
  await es.client.appendToStream(stream, event)
  await es.client.tombstoneStream(stream)

  const found: string[] = []
  for await (const { event: stored } of es.client.readAll())
    if (stored?.streamId === stream) found.push(stored.type)

  expect(found).toEqual(['Happened', '$streamDeleted'])
})
