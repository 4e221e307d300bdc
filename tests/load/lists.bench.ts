import { Pool } from 'pg'
import { listStoresQuery } from '#contracts'
import { migrate, type Statement } from '#postgres'
import { tempFolder } from '#test/temp-folder'
import { startPostgres } from '../../embedded/dependencies/postgres.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { readModels } from '../../services/query-api/read-models/connection.ts'
import { orderOf, writeCursor } from '../../services/query-api/read-models/cursor.ts'
import { countByStatus, listStores } from '../../services/query-api/read-models/list-stores.ts'

// What a page of a tenant's stores costs: the first one beside a bare prepared query, a deep one beside the first one of
// the same order, and filters. With the plan that PostgreSQL chose for each. Arguments: stores (1000000), rounds (7),
// milliseconds of each measurement (400).

const [stores = 1_000_000, rounds = 7, spanMs = 400] = process.argv.slice(2).map(Number)
const tenantId = 'large'
const depth = Math.floor(stores * 0.9)
const bare = {
  name: 'bare',
  text: `select view from stores where tenant_id = $1 and status <> 'deleted'
    order by created_at desc, id desc limit 50`,
  values: [tenantId],
}

await using folder = await tempFolder()
const postgres = await startPostgres({
  dataDir: folder.path,
  port: await freePort(),
  logFile: `${folder.path}/postgres.log`,
})
const pool = new Pool({ connectionString: postgres.url, max: 1 })
// The server ends its connections when it stops.
pool.on('error', () => {})
const models = readModels(pool)
try {
  await migrate(postgres.url)
  await fill()
  const list = (query: string) => {
    const parsed = listStoresQuery.parse(Object.fromEntries(new URLSearchParams(query)))
    return () => listStores(models, { tenantId, query: parsed })
  }
  const page1 = list('limit=50')
  print(`${stores} stores of one tenant, ${rounds} rounds after one of warm-up`)
  await compare('page 1 with its total : a bare prepared query', page1, () => models.query(bare))
  for (const sort of ['-createdAt', '-updatedAt', 'name'] as const)
    await compare(`page at ${depth} : page 1, ${sort}`, await pageAt(sort), list(`sort=${sort}`))
  const byLabel = { ...listStoresQuery.parse({}), label: { batch: '7' } }
  await compare('of one reference : page 1', list('reference=order-777'), page1)
  await compare(
    'of a label that 1,000 have : page 1',
    () => listStores(models, { tenantId, query: byLabel }),
    page1,
  )
  await compare('updated since, 1,000 of them : page 1', list(await newest()), page1)
  await compare('of one plan, a third of all : page 1', list('plan=large'), page1, 5)
  await compare('counters by status : page 1', () => countByStatus(models, tenantId), page1)
} finally {
  await pool.end()
  await postgres.stop()
}
process.exit(0)

/** The indexes are made afterwards, which is faster. */
async function fill() {
  const { rows: indexes } = await pool.query<{ indexname: string; indexdef: string }>(
    `select indexname, indexdef from pg_indexes where tablename = 'stores' and indexname <> 'stores_pkey'`,
  )
  for (const { indexname } of indexes) await pool.query(`drop index ${indexname}`)
  const batches = Math.max(1, Math.floor(stores / 1_000))
  await pool.query(
    `insert into stores (id, tenant_id, name, engine, status, created_at, updated_at, revision, position, view, state)
     select id, $1, name, 'medusa', 'ready', at, changed, 3, n,
       jsonb_build_object('id', id, 'tenantId', $1::text, 'name', name, 'engine', 'medusa', 'plan', plan,
         'labels', jsonb_build_object('team', 'shop', 'batch', (n % $3)::text), 'reference', 'order-' || n,
         'status', 'ready', 'url', 'https://s-' || n || '.stores.example.com', 'release', 's-' || n,
         'namespace', 's-' || n, 'chartVersion', '0.1.0', 'upgrade', null, 'attempt', 1, 'failure', null,
         'createdAt', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         'updatedAt', to_char(changed at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
         'deletedAt', null, 'revision', 3), '{}'
     from (select n, gen_random_uuid() as id, 'Store ' || md5(n::text) as name,
         (array['small', 'medium', 'large'])[1 + n % 3] as plan,
         timestamptz '2026-01-01' + n * interval '1 second' as at,
         timestamptz '2027-01-01' + (n::bigint * 7919 % $2)::int * interval '1 second' as changed
       from generate_series(1, $2) n) as given`,
    [tenantId, stores, batches],
  )
  await pool.query(`insert into store_counts values ($1, 'medusa', 'ready', $2)`, [
    tenantId,
    stores,
  ])
  for (const { indexdef } of indexes) await pool.query(indexdef)
  await pool.query('vacuum analyze stores')
  await pool.query('vacuum analyze store_counts')
}

/** The page behind the store at the depth, by its cursor. */
async function pageAt(sort: '-createdAt' | '-updatedAt' | 'name') {
  const { by, column, descending } = orderOf(sort)
  const order = descending ? 'desc' : 'asc'
  const { rows } = await pool.query<{
    view: { id: string; createdAt: string; updatedAt: string; name: string }
  }>(
    `select view from stores where tenant_id = $1 and status <> 'deleted'
     order by ${column} ${order}, id ${order} limit 1 offset ${depth}`,
    [tenantId],
  )
  const [place] = rows
  if (place === undefined) throw new Error('there is no such place')
  const query = listStoresQuery.parse({ sort })
  const cursor = writeCursor({ at: place.view[by], id: place.view.id }, { tenantId, query })
  return () => listStores(models, { tenantId, query: { ...query, cursor } })
}

async function newest() {
  const { rows } = await pool.query<{ at: Date }>(
    'select updated_at as at from stores order by updated_at desc offset 999 limit 1',
  )
  return `sort=updatedAt&updatedAfter=${rows[0]?.at.toISOString()}`
}

type Run = () => Promise<unknown>

/** Both in turns; the median of the rounds' ratios of their rates, and what PostgreSQL did for the first. */
async function compare(what: string, one: Run, other: Run, takes = rounds) {
  const ratios: [number, number, number][] = []
  for (let round = 0; round <= takes; round++) {
    const [first, second] = [await rateOf(one), await rateOf(other)]
    if (round > 0) ratios.push([first / second, first, second])
  }
  const sorted = ratios.toSorted(([a], [b]) => a - b)
  const [ratio = 0, first = 0, second = 0] = sorted[Math.floor(sorted.length / 2)] ?? []
  const range = [sorted[0], sorted.at(-1)].map((each) => (each?.[0] ?? 0).toFixed(2)).join('–')
  print(`\n${what}: ${ratio.toFixed(2)} (${range}), ${first.toFixed(0)}/s : ${second.toFixed(0)}/s`)
  for (const line of await planOf(one)) print(`  ${line}`)
}

async function rateOf(run: Run): Promise<number> {
  const began = performance.now()
  let runs = 0
  while (performance.now() - began < spanMs || runs < 3) {
    await run()
    runs++
  }
  return (runs * 1_000) / (performance.now() - began)
}

/** The scans of the plan of the statement that a run sends. */
async function planOf(run: Run): Promise<string[]> {
  const { query } = models
  const sent: Statement[] = []
  models.query = (statement) => {
    sent.push(statement)
    return query(statement)
  }
  await run()
  models.query = query
  const [statement] = sent
  if (statement === undefined) return []
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
    `explain (analyze, costs off, timing off, summary off) ${statement.text}`,
    statement.values,
  )
  return rows
    .map((row) => row['QUERY PLAN'].trim())
    .filter((line) => /Scan|Sort|Aggregate|Cond|Filter|Removed/.test(line))
}

function print(line: string) {
  process.stdout.write(`${line}\n`)
}
