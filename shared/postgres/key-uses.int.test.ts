import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { testDatabase } from '#test/servers/test-database'
import { recordKeyUses } from './key-uses.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

type Database = Awaited<ReturnType<typeof testDatabase>>

const usesIn = async ({ pool }: Database) =>
  (await pool.query<{ id: string; at: Date }>('select key_id as id, used_at as at from key_uses'))
    .rows

test('of two processes that used a key the later use stays, whichever writes last', async () => {
  await using database = await testDatabase()
  const record = async (...uses: [string, number][]) => {
    const signal = AbortSignal.abort()
    await recordKeyUses({ pool: database.pool, take: () => new Map(uses), logger, signal })
  }

  await record(['a', 2_000], ['b', 1_000])
  await record(['b', 3_000], ['a', 1_000])

  expect(await usesIn(database)).toEqual([
    { id: 'a', at: new Date(2_000) },
    { id: 'b', at: new Date(3_000) },
  ])
})

test('uses that PostgreSQL did not take are written when it does again', async () => {
  await using database = await testDatabase()
  const { pool } = database
  await pool.query('alter table key_uses rename to away')
  const stop = new AbortController()
  const { signal } = stop
  const uses = [new Map([['a', 1_000]])]
  const taken: unknown[] = []
  const take = () => {
    const next = uses.shift() ?? new Map<string, number>()
    taken.push(next)
    return next
  }

  const recording = recordKeyUses({ pool, take, logger, everyMs: 20, signal })
  await eventually(() => expect(taken.length).toBeGreaterThan(2))
  await pool.query('alter table away rename to key_uses')

  await eventually(async () => expect(await usesIn(database)).toHaveLength(1))
  stop.abort()
  await recording
})
