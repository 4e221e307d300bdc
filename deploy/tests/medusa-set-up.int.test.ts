import { redisStub } from '#test/medusa/redis-stub'
import { statementProxy } from '#test/medusa/statement-proxy'
import { ownedDatabase } from '#test/servers/owned-database'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { APPLICATION } from '../images/medusa/set-up/beginning.mts'
import { withSetUpLock, type Found } from '../images/medusa/set-up/set-up-lock.mts'

let redis: Awaited<ReturnType<typeof redisStub>>
beforeAll(async () => {
  redis = await redisStub()
  vi.stubEnv('REDIS_URL', redis.url)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await redis[Symbol.asyncDispose]()
})

/** What a shop needs, made by statements none of which can be run twice. */
const shop = [
  'create table goods (name text primary key)',
  `insert into goods values ('sample')`,
  'create table prices (goods text primary key references goods, amount int)',
  `insert into prices values ('sample', 10)`,
]

test('a set-up that is killed at any statement, twice, is whole when it is run again', async () => {
  const last = await statementsOf(await ownedDatabase())
  for (let first = 1; first <= last; first++)
    for (const second of [first, first + 1]) {
      const url = await ownedDatabase()
      await expect(setUp(url, 'one', first), `killed at ${first}`).rejects.toThrow('killed')
      await setUp(url, 'one', second).catch(() => {})

      await setUp(url, 'one')

      expect(await goodsOf(url), `killed at ${first} and ${second}`).toEqual([['sample', 10]])
      expect(await setUp(url, 'one')).toBe('was done before')
    }
})

test('a set-up that starts again ends the open connections of the one that was cut off, and empties Redis', async () => {
  const last = await statementsOf(await ownedDatabase())
  const url = await ownedDatabase()
  await expect(setUp(url, 'one', last - 1)).rejects.toThrow('killed')
  const orphan = await connect(url)
  const lost = new Promise((resolve) => orphan.once('error', resolve))
  await orphan.query('begin; lock table goods')
  redis.commands.length = 0

  await setUp(url, 'one')

  expect(await lost).toMatchObject({ code: '57P01' })
  expect(redis.commands).toEqual(['FLUSHALL'])
})

test('a shop that was whole keeps all it has when the set-up of another version is killed and run again', async () => {
  const url = await ownedDatabase()
  await setUp(url, 'one')
  const owner = await connect(url)
  await owner.query(`update prices set amount = 12; insert into goods values ('own')`)
  const found: Found[] = []
  const upgrade = (diesAt?: number) =>
    run(url, 'two', { diesAt, steps: ['select 1'], note: (each) => found.push(each) })

  for (let at = 1; at <= 6; at++) await expect(upgrade(at)).rejects.toThrow('killed')
  expect(await upgrade()).toBe('done')

  expect(new Set(found)).toEqual(new Set(['an earlier version']))
  expect(await goodsOf(url)).toEqual([['sample', 12]])
  await owner.end()
})

test('a database that holds what somebody else has put there is never emptied', async () => {
  const url = await ownedDatabase()
  const restored = await connect(url)
  await restored.query(`${shop.join('; ')}; insert into goods values ('restored')`)
  const found: Found[] = []
  const options = { steps: ['select 1'], note: (each: Found) => found.push(each) }

  for (let at = 1; at <= 8; at++)
    await expect(run(url, 'one', { ...options, diesAt: at })).rejects.toThrow('killed')
  expect(await run(url, 'one', options)).toBe('done')

  expect(new Set(found)).toEqual(new Set(['tables of others']))
  const { rowCount } = await restored.query(`select from goods where name = 'restored'`)
  expect(rowCount).toBe(1)
  await restored.end()
})

function setUp(url: string, version: string, diesAt?: number): Promise<string> {
  return run(url, version, { diesAt, steps: shop })
}

interface Run {
  /** The statement it does not live to send, counted from 1. */
  diesAt?: number | undefined
  steps: string[]
  note?: (found: Found) => void
}

/** A set-up whose steps are done by a program of its own, as Medusa's are. */
async function run(url: string, version: string, { diesAt, steps, note }: Run): Promise<string> {
  await using proxy = await statementProxy(url, countTo(diesAt))
  const client = await connect(proxy.url, APPLICATION)
  try {
    return await withSetUpLock(client, version, async (found) => {
      note?.(found)
      const program = await connect(proxy.url)
      for (const step of steps) await program.query(step)
      await program.end()
    })
  } catch (error) {
    if (proxy.hasCut()) throw new Error('killed', { cause: error })
    throw error
  }
}

function countTo(last = Number.POSITIVE_INFINITY): () => boolean {
  let count = 0
  return () => ++count === last
}

/** How many statements a set-up takes that nothing breaks off. */
async function statementsOf(url: string): Promise<number> {
  let count = 0
  await using proxy = await statementProxy(url, () => {
    count++
    return false
  })
  await setUp(proxy.url, 'one')
  return count
}

async function goodsOf(url: string): Promise<unknown[]> {
  const client = await connect(url)
  const { rows } = await client.query({
    text: 'select goods, amount from prices',
    rowMode: 'array',
  })
  await client.end()
  return rows
}

async function connect(connectionString: string, application?: string): Promise<Client> {
  const client = new Client({ connectionString, application_name: application })
  client.on('error', () => {})
  await client.connect()
  return client
}
