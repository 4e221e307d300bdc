import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AppendExpectedRevision } from '@eventstore/db-client'
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

interface Row {
  /** Appends that are in the stream before, one call each. */
  holds: string[]
  append: string
  at: AppendExpectedRevision
  answer: string
  /** What the stream holds afterwards; as before unless given. */
  leaves?: string
}

const rows: Row[] = [
  { holds: ['0', '1', '2', '3', '4', '5'], append: '0', at: 'no_stream', answer: 'success 0' },
  { holds: ['0', '1', '2', '3', '4', '5'], append: '0', at: 'any', answer: 'success 0' },
  { holds: ['0 1 2 3 4 5'], append: '0', at: 5n, answer: 'success 6', leaves: '0 1 2 3 4 5 0' },
  { holds: ['0 1 2 3 4 5'], append: '0', at: 6n, answer: 'conflict 5' },
  { holds: ['0 1 2 3 4 5'], append: '0', at: 4n, answer: 'conflict 5' },
  { holds: ['0'], append: '0', at: 0n, answer: 'success 1', leaves: '0 0' },
  { holds: ['0 1 2', '1'], append: '1', at: 'any', answer: 'success 1', leaves: '0 1 2' },
  { holds: ['0 1'], append: '0', at: 'no_stream', answer: 'success 0' },
  { holds: ['0 1'], append: '0', at: 'any', answer: 'success 0' },
  { holds: ['0 1'], append: '1', at: 0n, answer: 'success 1' },
  { holds: ['0 1'], append: '1', at: 'any', answer: 'success 1' },
  { holds: ['0 1'], append: '0 1 2', at: 'no_stream', answer: 'conflict 1' },
  { holds: ['0 1'], append: '0 1 2', at: 'any', answer: 'conflict 1' },
  { holds: ['0 1'], append: '2 0', at: 'any', answer: 'success 3', leaves: '0 1 2 0' },
  { holds: ['0 1'], append: '0 1', at: 'stream_exists', answer: 'success 1' },
  { holds: ['0 1'], append: '0 1', at: 'no_stream', answer: 'success 1' },
  { holds: ['0 1'], append: '0 2', at: 'no_stream', answer: 'conflict 1' },
  { holds: ['0 1'], append: '2', at: 'no_stream', answer: 'conflict 1' },
  { holds: [], append: '0', at: 0n, answer: 'conflict no_stream', leaves: '' },
  { holds: [], append: '0', at: 'stream_exists', answer: 'conflict no_stream', leaves: '' },
]

describe.each<Path>(['BatchAppend', 'Append'])('by %s', (path) => {
  test.each(rows)('$holds, then $append at $at: $answer', async (row) => {
    const stream = freshStream()
    const ids = freshIds(6)
    const idsIn = (text: string) =>
      text
        .split(' ')
        .filter(Boolean)
        .map((n) => ids[Number(n)] ?? '')
    for (const held of row.holds) await es.append(stream, idsIn(held), 'any', path)

    const answer = await es.append(stream, idsIn(row.append), row.at, path)

    expect(answer).toBe(row.answer)
    expect(await es.idsOf(stream)).toEqual(idsIn(row.leaves ?? row.holds.slice(0, 6).join(' ')))
  })

  test('a repeated append writes nothing and answers with its first position', async () => {
    const stream = freshStream()
    const ids = freshIds(2)
    const options = { expectedRevision: 'no_stream' } as const
    const events = ids.map((id) => eventOf(id))
    const first = await es.client.appendToStream(stream, events, options)
    await es.append(stream, freshIds(3), 1n, path)
    const before = await es.lastPosition()

    const repeated = await es.client.appendToStream(stream, events, options)

    expect(repeated).toEqual(first)
    expect(await es.lastPosition()).toBe(before)
  })

  test('the same ids in another stream are written', async () => {
    const ids = freshIds(2)
    await es.append(freshStream(), ids, 'no_stream', path)
    const other = freshStream()

    const answer = await es.append(other, ids, 'any', path)

    expect(answer).toBe('success 1')
    expect(await es.idsOf(other)).toEqual(ids)
  })

  test('no events at no_stream succeed and create nothing', async () => {
    const stream = freshStream()

    const answer = await es.append(stream, [], 'no_stream', path)

    expect(answer).toBe('success 0')
    expect(await es.idsOf(stream)).toEqual([])
  })

  test('of appends that expect the same revision at the same time exactly one is written', async () => {
    const stream = freshStream()
    const writers = Array.from({ length: 20 }, () => freshIds(2))

    const answers = await Promise.all(
      writers.map((ids) => es.append(stream, ids, 'no_stream', path)),
    )

    const won = answers.findIndex((answer) => answer === 'success 1')
    expect(answers.filter((answer) => answer === 'conflict 1')).toHaveLength(19)
    expect(await es.idsOf(stream)).toEqual(writers[won])
  })

  test('an append repeated while the first is still being written is written once', async () => {
    const stream = freshStream()
    const ids = freshIds(3)

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => es.append(stream, ids, 'no_stream', path)),
    )

    expect(new Set(answers)).toEqual(new Set(['success 2']))
    expect(await es.idsOf(stream)).toEqual(ids)
  })
})
