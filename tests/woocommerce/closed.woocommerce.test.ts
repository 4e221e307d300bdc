import { setUp } from '#test/woocommerce/set-up'
import { realStore, type RealStore } from '#test/woocommerce/real-store'
import { sources } from '#test/woocommerce/sources'
import { startWebServer, type WebServer } from '#test/woocommerce/web-server'
import { afterAll, beforeAll, expect, test } from 'vitest'

let store: RealStore
let web: WebServer
beforeAll(async () => {
  store = await realStore(sources())
  await setUp(store)
  web = await startWebServer(store)
})
afterAll(async () => {
  await web?.[Symbol.asyncDispose]()
  await store?.[Symbol.asyncDispose]()
})

const status = async (path: string) => (await web.ask({ path })).status

test.each([
  '/xmlrpc.php',
  '/xmlrpc.php/x',
  '/wp-cron.php',
  '/wp-cron.php/x',
  '/wp-config.php',
  '/wp-config.php/x',
  '/wp-content/db-error.php',
  '/wp-content/mu-plugins/closed.php',
  '/wp-content/plugins/woocommerce/woocommerce.php',
  '/wp-includes/formatting.php',
])('%s is closed', async (path) => {
  expect(await status(path)).toBe(403)
})

test.each(['/wp-admin/install.php', '/wp-admin/setup-config.php'])(
  '%s is not there',
  async (path) => {
    expect(await status(path)).toBe(404)
  },
)

test.each([
  '/wp-login.php',
  '/wp-includes/js/tinymce/wp-tinymce.php',
  '/my-account/',
  '/checkout/',
])('%s is open', async (path) => {
  expect([200, 302]).toContain(await status(path))
})

test.each([
  '/?author=1',
  '/author/shop-admin/',
  '/?author_name=shop-admin',
  '/feed/',
  '/?feed=rss2&post_type=page',
  '/wp-json/wp/v2/users',
  '/?rest_route=/wp/v2/users',
  '/wp-json/oembed/1.0/embed?url=https%3A%2F%2Fshop.example.com%2Fproduct%2Fsample-product%2F',
  '/wp-sitemap.xml',
  '/wp-json/wp/v2/pages?_embed',
])('%s does not say who works here', async (path) => {
  const { text, headers } = await web.ask({ path })
  expect(text + JSON.stringify(headers)).not.toContain('shop-admin')
})

test('a failed login does not say whether the name was right', async () => {
  const errorOf = async (log: string) => {
    const body = new URLSearchParams({ log, pwd: 'wrong' }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { text } = await web.ask({ method: 'POST', path: '/wp-login.php', headers, body })
    return /id="login_error"[^>]*>(.*?)<\/div>/s.exec(text)?.[1]
  }
  expect(await errorOf('shop-admin')).toContain('wrong')
  expect(await errorOf('shop-admin')).toBe(await errorOf('nobody'))
})
