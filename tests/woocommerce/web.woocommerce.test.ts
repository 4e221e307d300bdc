import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { buy } from '#test/woocommerce/buy'
import { logIn } from '#test/woocommerce/log-in'
import { ringClock, setUp } from '#test/woocommerce/set-up'
import { realStore, type RealStore } from '#test/woocommerce/real-store'
import { sources } from '#test/woocommerce/sources'
import { startWebServer, type WebServer } from '#test/woocommerce/web-server'
import { eventually } from '#test/eventually'
import { placeOrder } from '../../services/provisioner/smoke-test/smoke-test.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'

let store: RealStore
let web: WebServer
beforeAll(async () => {
  const named = { id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11', name: '0', tenant: 'demo' }
  store = await realStore(sources(), { values: { store: named } })
  await setUp(store)
  web = await startWebServer(store)
})
afterAll(async () => {
  await web?.[Symbol.asyncDispose]()
  await store?.[Symbol.asyncDispose]()
})

const sql = (query: string) => store.database.sql(query)
const option = async (name: string) =>
  (await sql(`select option_value from wp_options where option_name = '${name}'`))[0]?.[0]
const setOption = (name: string, value: string) =>
  sql(`update wp_options set option_value = '${value}' where option_name = '${name}'`)
const status = async (path: string) => (await web.ask({ path })).status

test('an order lies in the tables of orders', async () => {
  const { order_id: order, status: state } = await buy(web)
  expect(state).toBe('processing')
  expect(await sql(`select status from wp_wc_orders where id = ${order}`)).toEqual([
    ['wc-processing'],
  ])
})

test('the order of a smoke test is found by the next one, and undone with its stock by the clock', async () => {
  const smokeTest = () =>
    placeOrder({
      engine: 'woocommerce',
      baseUrl: 'http://127.0.0.1:8080',
      host: 'shop.example.com',
      signal: new AbortController().signal,
      limitMs: 300_000,
    })
  await sql(`update wp_postmeta set meta_value = 'yes' where meta_key = '_manage_stock'`)
  await sql(`update wp_postmeta set meta_value = '5' where meta_key = '_stock'`)
  const stock = () => sql(`select meta_value from wp_postmeta where meta_key = '_stock'`)
  const orders = () => sql(`select id from wp_wc_orders where billing_email like 'smoke-test@%'`)

  const first = await smokeTest()
  const second = await smokeTest()

  expect(second.orderId).toBe(first.orderId)
  expect(await orders()).toEqual([[first.orderId]])
  expect(await stock()).toEqual([['4']])
  await makeUndoingDue(first.orderId)
  expect(await ringClock(store)).toBe(0)
  expect(await orders()).toEqual([])
  expect(await stock()).toEqual([['5']])
})

/** Moves the time at which the clock undoes an order; fails where none is set. */
async function makeUndoingDue(id: string): Promise<void> {
  const load = `require '/opt/store/set-up/visitor.php'; require '/var/www/html/wp-load.php';`
  const move = `$event = ['store_undo_test_order', [${id}]]; $at = wp_next_scheduled(...$event);
    exit($at && wp_unschedule_event($at, ...$event) && wp_schedule_single_event(time() - 1, ...$event) ? 0 : 1);`
  const { exited } = await store.start('cron', ['php', '-r', load + move])
  expect((await exited).code).toBe(0)
}

test('the shop is in front, and nothing of WordPress is', async () => {
  const { status: code, text } = await web.ask({ path: '/' })
  expect(code).toBe(200)
  expect(text).toContain('Sample product')
  expect(text).not.toContain('Hello world')
  expect(await status('/hello-world/')).toBe(404)
})

test('a shop has the name of its store, whatever it is', async () => {
  expect(await option('blogname')).toBe('0')
})

test('units and currency are those of the country', async () => {
  const names = ['weight_unit', 'dimension_unit', 'currency', 'price_decimal_sep']
  const used = await Promise.all(names.map((name) => option(`woocommerce_${name}`)))
  expect(used).toEqual(['kg', 'cm', 'EUR', ','])
})

test('who administrates works without the internet', async () => {
  // WooCommerce leads its owner elsewhere the first time.
  const cookie = await logIn(web, store.secrets.admin['admin-password'] ?? '')
  await web.ask({ path: '/wp-admin/', headers: { cookie } })
  for (const path of [
    'index.php',
    'plugins.php',
    'edit.php?post_type=product',
    'admin.php?page=wc-admin',
  ]) {
    const { status: code, text } = await web.ask({ path: `/wp-admin/${path}`, headers: { cookie } })
    expect.soft(code, path).toBe(200)
    expect.soft(text, path).toContain('wp-admin-bar')
  }
})

test('WordPress writes by itself, not by FTP', async () => {
  const load = `require '/opt/store/set-up/visitor.php'; require '/var/www/html/wp-load.php';`
  const ask = `require ABSPATH . 'wp-admin/includes/file.php'; exit(get_filesystem_method() === 'direct' ? 0 : 1);`
  const { exited } = await store.start('cron', ['php', '-r', load + ask])
  expect((await exited).code).toBe(0)
})

test('the address of the client is taken from a proxy of either kind of address', async () => {
  for (const [host, client] of [
    ['127.0.0.1', '203.0.113.7'],
    ['::1', '203.0.113.8'],
  ] as const)
    await web.ask({ host, path: '/wp-login.php', headers: { 'x-forwarded-for': client } })
  const log = await readFile(web.logFile, 'utf8')
  expect(log).toMatch(/^203\.0\.113\.7 .*wp-login/m)
  expect(log).toMatch(/^203\.0\.113\.8 .*wp-login/m)
})

test('no connection is kept, whatever its client asks for', async () => {
  const { headers } = await web.ask({ path: '/', headers: { connection: 'keep-alive' } })
  expect(headers.connection).toBe('close')
})

test('clients that say nothing more do not keep a customer from a worker for long', async () => {
  const workers = Number(store.containers.wordpress.env['APACHE_WORKERS'])
  const idle = Array.from({ length: workers * 2 }, () => connect(8080, '127.0.0.1'))
  for (const [number, socket] of idle.entries()) {
    await once(socket, 'connect')
    socket.on('error', () => {}).resume()
    const whole = number % 2 === 0 ? 'Host: shop.example.com\r\nConnection: keep-alive\r\n\r\n' : ''
    socket.write(`GET /alive.txt HTTP/1.1\r\n${whole}`)
  }
  expect(await status('/alive.txt')).toBe(200)
  for (const socket of idle) socket.destroy()
})

test('the probe and a customer get through with the plainest permalinks', async () => {
  await setOption('permalink_structure', '')
  await setOption('rewrite_rules', '')
  expect(await web.ask({ path: store.containers.ready.path })).toMatchObject({ status: 200 })
  expect((await buy(web)).status).toBe('processing')
  await setUp(store)
  expect(
    await sql(
      `select 1 from wp_options where option_name = 'permalink_structure' and option_value = ''`,
    ),
  ).toEqual([['1']])
})

test('an emptied database is 503 for everybody, and fails the clock', async () => {
  const dump = await store.database.dump()
  await store.database.empty()
  for (const path of ['/', '/wp-login.php', '/wp-admin/', store.containers.ready.path])
    expect(await status(path)).toBe(503)
  expect(await ringClock(store)).toBe(1)
  await sql(dump)
  expect(await ringClock(store)).toBe(0)
})

test('a database that is away is 503, fails the clock, and is taken up when it is back', async () => {
  await store.database.stop()
  expect(await status('/')).toBe(503)
  expect(await status(store.containers.ready.path)).toBe(503)
  expect(await ringClock(store)).toBe(1)
  await store.database.start()
  await eventually(async () => expect(await status(store.containers.ready.path)).toBe(200))
})
