import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logOf, setUp } from '#test/woocommerce/set-up'
import { realStore, type RealStore } from '#test/woocommerce/real-store'
import { sources } from '#test/woocommerce/sources'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

const parameters = { country: 'CH', currency: 'USD', timeZone: 'Europe/Zurich', locale: 'de_CH' }
let store: RealStore

beforeAll(async () => {
  store = await realStore(sources(), { values: { parameters } })
})
afterAll(() => store?.[Symbol.asyncDispose]())
beforeEach(() => store.database.empty())

const languages = () => join(store.place, 'root/var/www/html/wp-content/languages')
const options = async (...names: string[]) => {
  const list = names.map((name) => `'${name}'`).join(',')
  const query = `select option_name, option_value from wp_options where option_name in (${list})`
  return Object.fromEntries(await store.database.sql(query))
}

test('a language that is not in the image ends the set-up, and its log names it', async () => {
  await expect(setUp(store)).rejects.toThrow('set-up ended with 1')
  expect(await logOf(store)).toContain('the image has no language de_CH')
})

test('a new shop has the country, currency, time zone and language it was asked for', async () => {
  await mkdir(languages(), { recursive: true })
  await writeFile(join(languages(), 'de_CH.l10n.php'), `<?php return ['messages' => []];`)
  await setUp(store)

  const names = ['woocommerce_default_country', 'woocommerce_currency', 'timezone_string', 'WPLANG']
  expect(await options(...names)).toEqual({
    woocommerce_default_country: 'CH',
    woocommerce_currency: 'USD',
    timezone_string: 'Europe/Zurich',
    WPLANG: 'de_CH',
  })
  // As they are used in the country.
  expect(await options('woocommerce_price_thousand_sep', 'woocommerce_weight_unit')).toEqual({
    woocommerce_price_thousand_sep: "'",
    woocommerce_weight_unit: 'kg',
  })
})

test('what its owner has changed since stays, however often it is set up', async () => {
  await setUp(store)
  await store.database.sql(
    `update wp_options set option_value = 'CHF' where option_name = 'woocommerce_currency'`,
  )
  await setUp(store)

  expect(await options('woocommerce_currency')).toEqual({ woocommerce_currency: 'CHF' })
})
