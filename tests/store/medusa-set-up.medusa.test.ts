import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { placedMedusa, type PlacedMedusa } from '#test/medusa/placed-medusa'
import { served, setUp } from '#test/medusa/real-medusa'
import { statementProxy } from '#test/medusa/statement-proxy'
import { ownedDatabase } from '#test/servers/owned-database'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { placeOrder } from '../../services/provisioner/smoke-test/smoke-test.ts'

const CHAIN_LIMIT_MS = 40 * 60_000

let medusa: PlacedMedusa
let databaseUrl = ''

beforeAll(async () => {
  medusa = await placedMedusa()
  databaseUrl = await ownedDatabase()
})
afterAll(() => medusa?.[Symbol.asyncDispose]())

/** In the order of a set-up; between each and the one before something is committed that another run finds. */
const moments = [
  'insert into storewright.begun',
  'create table if not exists "product"',
  'create table if not exists "fulfillment_set"',
  'INSERT INTO "link_module_migrations"',
  'insert into "region_country"',
  'INSERT INTO script_migrations',
  'UPDATE script_migrations SET finished_at',
  'insert into "store"',
  'insert into "provider_identity"',
  'update "auth_identity" set "app_metadata"',
  'insert into "region_payment_provider"',
  'insert into "location_fulfillment_set"',
  'insert into "shipping_option_price_set"',
  'insert into "product_sales_channel"',
  'insert into "product_variant"',
  'insert into "product_variant_price_set"',
  'insert into storewright.set_up',
]

test(
  'a set-up that is killed at one statement after the other is whole at last, and sells',
  { timeout: CHAIN_LIMIT_MS },
  async () => {
    for (const moment of moments) await killedAt(moment)

    await setUp(medusa, databaseUrl)

    const unbroken = await ownedDatabase()
    await setUp(medusa, unbroken)
    expect(await rowsByTable(databaseUrl)).toEqual(await rowsByTable(unbroken))
    await using server = await served(medusa, databaseUrl)
    const { signal } = new AbortController()
    const place = { baseUrl: server.url, host: 'shop.example.com', admin: medusa.admin }
    const order = await placeOrder({ engine: 'medusa', ...place, signal, limitMs: 60_000 })
    expect(order).toMatchObject({ cancelled: true })
  },
)

test('an upgrade that is killed while it changes data is finished by the next, and the owner keeps his shop', async () => {
  await sql(`update region set name = 'Home'; update product set deleted_at = now();
    update script_migrations set finished_at = null`)
  const before = await rowsByTable(databaseUrl)
  // Another file of the image, another version.
  await appendFile(join(medusa.home, 'package.json'), '\n')

  await killedAt('UPDATE script_migrations SET finished_at')
  await setUp(medusa, databaseUrl)

  expect(await sql('select 1 from script_migrations where finished_at is null')).toEqual([])
  expect(await sql('select name from region')).toEqual([{ name: 'Home' }])
  expect(await rowsByTable(databaseUrl)).toEqual(before)
})

/** Runs the set-up until it is about to send that statement: then it and all it has started are gone. */
async function killedAt(moment: string): Promise<void> {
  let kill = () => {}
  await using proxy = await statementProxy(databaseUrl, (statement) => {
    const isThere = statement.includes(moment)
    if (isThere) kill()
    return isThere
  })
  const { pid, exited } = await medusa.startSetUp(proxy.url)
  kill = () => process.kill(-pid, 'SIGKILL')
  const { code, signal } = await exited
  expect({ moment, code, signal }).toEqual({ moment, code: null, signal: 'SIGKILL' })
}

async function rowsByTable(url: string): Promise<Record<string, number>> {
  const tables = await sql(
    `select table_name as name from information_schema.tables
      where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
    url,
  )
  const names = tables.map(({ name }) => String(name))
  const counts = names.map((name) => `select '${name}' as name, count(*)::int from "${name}"`)
  const rows = await sql(counts.join(' union all '), url)
  return Object.fromEntries(rows.map(({ name, count }) => [String(name), Number(count)]))
}

async function sql(text: string, connectionString = databaseUrl) {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(text)
    return rows
  } finally {
    await client.end()
  }
}
