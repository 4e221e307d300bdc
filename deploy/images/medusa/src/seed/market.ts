import type { MedusaContainer } from '@medusajs/framework/types'
import { Modules } from '@medusajs/framework/utils'
import {
  createRegionsWorkflow,
  createTaxRegionsWorkflow,
  updateStoresWorkflow,
} from '@medusajs/medusa/core-flows'
import { first } from './first'

/** What the shop is set up with, as the chart gives it: upper case, empty or absent for the defaults. */
const given = (variable: string) => process.env[variable]?.toLowerCase() || undefined

const ownCountry = given('STORE_COUNTRY')
export const CURRENCY = given('STORE_CURRENCY') ?? 'eur'
export const COUNTRIES = ownCountry === undefined ? ['at', 'de'] : [ownCountry]
const REGION =
  ownCountry === undefined
    ? 'Europe'
    : (new Intl.DisplayNames('en', { type: 'region' }).of(ownCountry.toUpperCase()) ?? ownCountry)

/** Returns the id of the region the store sells in, with its taxes and a way to pay. */
export async function ensureMarket(container: MedusaContainer): Promise<string> {
  const [existing] = await container.resolve(Modules.REGION).listRegions({ name: REGION })
  const regionId = existing?.id ?? (await createRegion(container))
  await ensureTaxRegions(container)
  await ensureCurrency(container)
  return regionId
}

/** Medusa's own migrations make a store that sells in euros. */
async function ensureCurrency(container: MedusaContainer): Promise<void> {
  const supported_currencies = [{ currency_code: CURRENCY, is_default: true }]
  const input = { selector: {}, update: { supported_currencies } }
  await updateStoresWorkflow(container).run({ input })
}

async function createRegion(container: MedusaContainer): Promise<string> {
  const region = {
    name: REGION,
    currency_code: CURRENCY,
    countries: COUNTRIES,
    payment_providers: ['pp_system_default'],
  }
  const { result } = await createRegionsWorkflow(container).run({ input: { regions: [region] } })
  return first(result, 'region').id
}

async function ensureTaxRegions(container: MedusaContainer): Promise<void> {
  const existing = await container.resolve(Modules.TAX).listTaxRegions({ country_code: COUNTRIES })
  const known = new Set(existing.map((taxRegion) => taxRegion.country_code))
  const input = COUNTRIES.filter((code) => !known.has(code)).map((country_code) => ({
    country_code,
    provider_id: 'tp_system',
  }))
  if (input.length > 0) await createTaxRegionsWorkflow(container).run({ input })
}
