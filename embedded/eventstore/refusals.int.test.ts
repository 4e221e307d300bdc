import { AccessDeniedError, MaxAppendSizeExceededError, jsonEvent } from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  eventOf,
  freshIds,
  freshStream,
  officialClient,
  type Path,
} from '#test/servers/official-client'

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

describe.each<Path>(['BatchAppend', 'Append'])('by %s', (path) => {
  const options = path === 'Append' ? { credentials: { username: 'u', password: 'p' } } : {}

  test('an append of more than 1 MiB is refused whole', async () => {
    const stream = freshStream()
    const data = { text: 'x'.repeat(600_000) }
    const events = [0, 1].map(() => jsonEvent({ type: 'Big', data }))

    const refused = es.client.appendToStream(stream, events, options)

    await expect(refused).rejects.toMatchObject({
      constructor: MaxAppendSizeExceededError,
      maxAppendSize: 1_048_576,
    })
    expect(await es.idsOf(stream)).toEqual([])
  })

  test('an append just under 1 MiB is taken, in as many messages as it needs', async () => {
    const stream = freshStream()
    const data = { text: 'x'.repeat(500_000) }
    const events = [0, 1].map(() => jsonEvent({ type: 'Big', data }))

    await es.client.appendToStream(stream, events, { ...options, batchAppendSize: 600_000 })

    expect(await es.idsOf(stream)).toEqual(events.map((event) => event.id))
  })

  test('nobody writes to $all', async () => {
    await expect(es.client.appendToStream('$all', eventOf(), options)).rejects.toThrow(
      AccessDeniedError,
    )
  })

  test.each([0, 70_000])('a stream name of %i letters is refused', async (length) => {
    const refused = es.client.appendToStream('x'.repeat(length), eventOf(), options)

    await expect(refused).rejects.toThrow(
      path === 'Append' ? /stream name|thrown by handler/ : /BadRequest/,
    )
  })

  test('an id that is no UUID is refused and disturbs no other append', async () => {
    const stream = freshStream()
    const ids = freshIds(1)
    const refused = es.client.appendToStream(freshStream(), eventOf('not-a-uuid'), options)

    const [bad, good] = await Promise.allSettled([
      refused,
      es.append(stream, ids, 'no_stream', path),
    ])

    expect(bad.status).toBe('rejected')
    expect(good).toMatchObject({ value: 'success 0' })
  })
})

test('an append whose deadline is over is answered as timed out', async () => {
  await es.append(freshStream(), freshIds(1), 'any', 'BatchAppend')

  const late = es.client.appendToStream(freshStream(), eventOf(), { deadline: -1_000 })

  await expect(late).rejects.toMatchObject({ type: 'deadline-exceeded' })
})
