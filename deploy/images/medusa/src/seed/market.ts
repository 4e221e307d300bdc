import type { MedusaContainer } from '@medusajs/framework/types'
import { Modules } from '@medusajs/framework/utils'
import { createRegionsWorkflow, createTaxRegionsWorkflow } from '@medusajs/medusa/core-flows'
import { first } from './first'

export const CURRENCY = 'eur'
export const COUNTRIES = ['at', 'de']
const REGION = 'Europe'

/** Returns the id of the region the store sells in, with its taxes and a way to pay. */
export async function ensureMarket(container: MedusaContainer): Promise<string> {
  const [existing] = await container.resolve(Modules.REGION).listRegions({ name: REGION })
  const regionId = existing?.id ?? (await createRegion(container))
  await ensureTaxRegions(container)
  return regionId
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
  const input = COUNTRIES.filter((country) => !known.has(country)).map((country_code) => ({
    country_code,
    provider_id: 'tp_system',
  }))
  if (input.length > 0) await createTaxRegionsWorkflow(container).run({ input })
}
