import { killSetUp, setUp, writesOf } from '#test/woocommerce/set-up'
import { realStore, type RealStore } from '#test/woocommerce/real-store'
import { shopState, type ShopState } from '#test/woocommerce/shop-state'
import { sources } from '#test/woocommerce/sources'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

/** How many moments the writes of a set-up are divided into. */
const KILLS = Number(process.env['KILLS'] ?? 24)

/** What stands between the moments that broke a shop once. */
const moments = {
  'before anything': /create table storewright/i,
  'with the first table of WordPress': /create table wp_users/i,
  'with half of its tables': /create table wp_posts/i,
  'before the tables are named as its own': /storewright_set_up'/,
  'before the address': /'siteurl'/,
  'before the roles': /'wp_user_roles'/,
  'before the administrator': /insert into `wp_users`/i,
  'before the administrator is one': /'wp_capabilities'/,
  'before the plugin is active': /'active_plugins'.*woocommerce|woocommerce.*'active_plugins'/s,
  'with the lock of WooCommerce held': /create table wp_woocommerce_sessions/i,
  'with half of the tables of WooCommerce': /create table wp_wc_webhooks/i,
  'before the version of WooCommerce': /'woocommerce_version'/,
  'between the two versions of WooCommerce': /'woocommerce_db_version'/,
  'before the tables of orders': /create table `?wp_wc_orders/i,
  'before the sample product': /sample-product/,
  'before the settings are called made': /'storewright_settings_made'/,
  'before the end': /drop table if exists storewright/i,
}

let store: RealStore
let whole: ShopState
let writes: number

beforeAll(async () => {
  store = await realStore(sources())
  writes = (await writesOf(store)).length
  whole = await shopState(store.database)
})
afterAll(() => store?.[Symbol.asyncDispose]())
beforeEach(() => store.database.empty())

test('an undisturbed set-up ends with a whole shop', () => {
  expect(whole.tables).toHaveLength(51)
  expect(whole.administrators).toEqual(['shop-admin a:1:{s:13:"administrator";b:1;}'])
  expect(whole.pages).toEqual(
    expect.arrayContaining(['page checkout publish', 'page shop publish']),
  )
  expect(whole.orderTables).toEqual(['yes'])
})

test.each(Object.entries(moments))('killed %s and run again it is whole', async (_, moment) => {
  await killSetUp(store, (write) => moment.test(write))
  await setUp(store)
  expect(await shopState(store.database)).toEqual(whole)
})

test.each(Array.from({ length: KILLS }, (_, part) => part))(
  `killed after %i of ${KILLS} parts of its writes and run again it is whole`,
  async (part) => {
    const at = Math.floor((writes * part) / KILLS)
    await killSetUp(store, (_, number) => number === at)
    await setUp(store)
    expect(await shopState(store.database)).toEqual(whole)
  },
)

test('killed while it throws away what it left, and run again, it is whole', async () => {
  await killSetUp(store, (write) => moments['before the version of WooCommerce'].test(write))
  await killSetUp(store, (write, number) => number === 20 && /^drop table/i.test(write))
  await killSetUp(store, (write) => /^drop table `wp_options`/i.test(write))
  await setUp(store)
  expect(await shopState(store.database)).toEqual(whole)
})
