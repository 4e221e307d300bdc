import { killSetUp, setUp, writesOf } from '#test/woocommerce/set-up'
import { realStore, type RealStore } from '#test/woocommerce/real-store'
import { shopState, type ShopState } from '#test/woocommerce/shop-state'
import { sources } from '#test/woocommerce/sources'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

let store: RealStore
let whole: ShopState
let dump: string

beforeAll(async () => {
  store = await realStore(sources())
  await setUp(store)
  whole = await shopState(store.database)
  dump = await store.database.dump()
})
afterAll(() => store?.[Symbol.asyncDispose]())
beforeEach(async () => {
  await store.database.empty()
  await store.database.sql(dump)
})

const sql = (query: string) => store.database.sql(query)
const option = async (name: string) =>
  (await sql(`select option_value from wp_options where option_name = '${name}'`))[0]?.[0]
const setOption = (name: string, value: string) =>
  sql(`update wp_options set option_value = '${value}' where option_name = '${name}'`)

test('run again in a whole shop it makes no table and changes no setting', async () => {
  const writes = await writesOf(store)
  expect(
    writes.filter((write) => /^\s*(create|alter|drop) table (?!if exists)/i.test(write)),
  ).toEqual([])
  expect(await shopState(store.database)).toEqual(whole)
})

test('a dump that was restored over a set-up that was cut off is kept', async () => {
  await sql(`update wp_options set option_value = 'Restored' where option_name = 'blogname'`)
  const restored = await store.database.dump()
  await store.database.empty()
  await killSetUp(store, (write) => write.includes(`'wp_capabilities'`))
  await sql(restored)
  await setUp(store)
  expect(await option('blogname')).toBe('Restored')
  expect(await shopState(store.database)).toEqual(whole)
})

test('a lock that an interrupted install of WooCommerce left does not stop the next', async () => {
  await setOption('storewright_woocommerce_installed', '1.0.0')
  const now = 'unix_timestamp()'
  await sql(`drop table wp_woocommerce_log; drop table wp_wc_webhooks;
    insert into wp_options (option_name, option_value) values ('wc_installing', ${now}),
    ('_transient_wc_installing', 'yes'), ('_transient_timeout_wc_installing', ${now} + 600)`)
  await setUp(store)
  const { tables, versions } = await shopState(store.database)
  expect({ tables, versions }).toEqual({ tables: whole.tables, versions: whole.versions })
})

test('a shop that nobody can administrate gets its administrator', async () => {
  await sql('delete from wp_users; delete from wp_usermeta')
  await setUp(store)
  expect((await shopState(store.database)).administrators).toEqual(whole.administrators)
})

test('an administrator of another name is enough', async () => {
  await sql(`update wp_users set user_login = 'owner'`)
  await setUp(store)
  const { administrators } = await shopState(store.database)
  expect(administrators).toEqual([expect.stringMatching(/^owner /)])
})

test('a database of something else is left alone, and the set-up says so', async () => {
  await store.database.empty()
  await sql('create table theirs (id int)')
  await expect(setUp(store)).rejects.toThrow('the database holds tables, but no shop')
  expect((await shopTables()).flat()).toEqual(['theirs'])
})

test('pages that the owner threw away stay away', async () => {
  await sql(`update wp_posts set post_status = 'trash' where post_name in ('my-account', 'cart')`)
  await setUp(store)
  const { pages } = await shopState(store.database)
  expect(pages.filter((page) => /cart|my-account/.test(page))).toEqual([
    'page cart trash',
    'page my-account trash',
  ])
})

const shopTables = () =>
  sql(`select table_name from information_schema.tables where table_schema = 'wordpress'`)
