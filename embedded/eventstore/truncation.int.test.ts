import { BACKWARDS, END } from '@eventstore/db-client'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { collect, freshIds, freshStream, officialClient } from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

async function streamOf(ids: string[]): Promise<string> {
  const stream = freshStream()
  await es.append(stream, ids, 'no_stream', 'BatchAppend')
  return stream
}

async function inWholeLog(stream: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { event } of es.client.readAll())
    if (event?.streamId === stream) ids.push(event.id)
  return ids
}

test('metadata is read back as it was set', async () => {
  const stream = freshStream()
  const metadata = { maxCount: 5, maxAge: 60, truncateBefore: 2, owner: 'me' }

  await es.client.setStreamMetadata(stream, metadata)

  expect((await es.client.getStreamMetadata(stream)).metadata).toEqual(metadata)
})

test('metadata can be set on condition of its own revision', async () => {
  const stream = freshStream()
  await es.client.setStreamMetadata(stream, { maxCount: 5 }, { expectedRevision: 'no_stream' })

  const again = es.client.setStreamMetadata(stream, {}, { expectedRevision: 'no_stream' })

  await expect(again).rejects.toMatchObject({ type: 'wrong-expected-version', actualVersion: 0n })
})

test('$maxCount shows the newest events, of old and new ones alike', async () => {
  const [first = '', second = '', third = '', fourth = ''] = freshIds(4)
  const stream = await streamOf([first, second, third])
  await es.client.setStreamMetadata(stream, { maxCount: 2 })
  expect(await es.idsOf(stream)).toEqual([second, third])

  await es.append(stream, [fourth], 2n, 'BatchAppend')

  expect(await es.idsOf(stream)).toEqual([third, fourth])
})

test('$tb hides what is before it and keeps revisions as they were', async () => {
  const ids = freshIds(4)
  const stream = await streamOf(ids)

  await es.client.setStreamMetadata(stream, { truncateBefore: 3 })

  expect(await es.idsOf(stream)).toEqual(ids.slice(3))
  expect(await es.append(stream, freshIds(1), 3n, 'BatchAppend')).toBe('success 4')
})

test('$maxAge hides what is older', async () => {
  const stream = await streamOf(freshIds(2))

  await es.client.setStreamMetadata(stream, { maxAge: 1 })

  await eventually(async () => expect(await es.idsOf(stream)).toEqual([]))
})

test('$maxAge leaves younger events alone', async () => {
  const ids = freshIds(2)
  const stream = await streamOf(ids)

  await es.client.setStreamMetadata(stream, { maxAge: 3600 })

  expect(await es.idsOf(stream)).toEqual(ids)
})

test('a stream whose events are all hidden is empty, not missing', async () => {
  const stream = await streamOf(freshIds(2))
  await es.client.setStreamMetadata(stream, { truncateBefore: 2 })

  const read = es.client.readStream(stream, { direction: BACKWARDS, fromRevision: END })

  expect(await collect(read)).toEqual([])
})

test('the whole log shows what streams hide', async () => {
  const ids = freshIds(3)
  const stream = await streamOf(ids)

  await es.client.setStreamMetadata(stream, { maxCount: 1 })

  expect(await inWholeLog(stream)).toEqual(ids)
})

test('metadata still holds after a restart', async () => {
  const ids = freshIds(3)
  const stream = await streamOf(ids)
  await es.client.setStreamMetadata(stream, { maxCount: 1 })

  await es.server.kill()
  await es.server.restart()

  await eventually(async () => expect(await es.idsOf(stream)).toEqual(ids.slice(2)))
})
