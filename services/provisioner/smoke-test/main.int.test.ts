import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { admin, medusa } from '#test/smoke-test/medusa-script'
import { scriptedShop } from '#test/smoke-test/scripted-shop'
import { woocommerce } from '#test/smoke-test/woocommerce-script'

const program = fileURLToPath(new URL('main.ts', import.meta.url))

test('the command prints the order and exits 0', async () => {
  await using shop = await scriptedShop(woocommerce)

  const args = ['--engine', 'woocommerce', '--url', shop.url, '--host', 'shop.example.com']
  const { stdout, exitCode } = await smokeTest(args)

  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ orderId: '12', cancelled: false, requests: 10 })
})

test('the command takes the password of a Medusa administrator from a file', async () => {
  await using shop = await scriptedShop(medusa)
  await using folder = await tempFolder()
  const file = join(folder.path, 'password')
  await writeFile(file, `${admin.password}\n`)

  const env = { ADMIN_EMAIL: admin.email, ADMIN_PASSWORD_FILE: file }
  const { stdout } = await smokeTest(['--engine', 'medusa', '--url', shop.url], env)

  expect(JSON.parse(stdout)).toMatchObject({ orderId: 'order_1', cancelled: true })
})

test.for([
  [['--engine', 'shopify', '--url', 'http://x'], 'Allowed choices are woocommerce, medusa'],
  [['--engine', 'medusa', '--url', 'shop'], 'It must be an http or https URL'],
  [['--engine', 'medusa', '--url', 'http://x', '--limit', '0'], 'It must be seconds'],
] as const)('the command refuses %j in a sentence', async ([args, message]) => {
  const { stderr, exitCode } = await smokeTest(args)

  expect(exitCode).toBe(1)
  expect(stderr).toContain(message)
})

test('the command says why no order could be placed and exits 1', async () => {
  await using shop = await scriptedShop({ 'GET /': { status: 404, body: 'no such shop' } })

  const { stderr, exitCode } = await smokeTest(['--engine', 'woocommerce', '--url', shop.url])

  expect(exitCode).toBe(1)
  expect(stderr).toBe('GET / was answered with 404: no such shop')
})

function smokeTest(args: readonly string[], env: Record<string, string> = {}) {
  const options = { reject: false, env, timeout: 30_000 } as const
  return execa(process.execPath, [program, ...args], options)
}
