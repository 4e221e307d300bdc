import type { MedusaContainer } from '@medusajs/framework/types'
import { ContainerRegistrationKeys, Modules } from '@medusajs/framework/utils'
import {
  createShippingOptionsWorkflow,
  createShippingProfilesWorkflow,
} from '@medusajs/medusa/core-flows'
import { first } from './first'
import { COUNTRIES, CURRENCY } from './market'

const DELIVERY = 'Main delivery'
const OPTION = 'Standard'
const PRICE = 5

interface Where {
  stockLocationId: string
  regionId: string
}

/** Offers one way to ship to the store's countries; returns the id of the shipping profile. */
export async function ensureShipping(container: MedusaContainer, where: Where): Promise<string> {
  const profileId = await ensureProfile(container)
  const zoneId = await ensureServiceZone(container, where.stockLocationId)
  const [option] = await container
    .resolve(Modules.FULFILLMENT)
    .listShippingOptions({ name: OPTION, service_zone: { id: zoneId } })
  if (option === undefined) await createOption(container, { zoneId, profileId, ...where })
  return profileId
}

async function ensureProfile(container: MedusaContainer): Promise<string> {
  const fulfillment = container.resolve(Modules.FULFILLMENT)
  const [existing] = await fulfillment.listShippingProfiles({ type: 'default' })
  if (existing !== undefined) return existing.id
  const input = { data: [{ name: 'Default', type: 'default' }] }
  const { result } = await createShippingProfilesWorkflow(container).run({ input })
  return first(result, 'shipping profile').id
}

async function ensureServiceZone(container: MedusaContainer, stockLocationId: string) {
  const fulfillment = container.resolve(Modules.FULFILLMENT)
  const query = { name: DELIVERY }
  const [existing] = await fulfillment.listFulfillmentSets(query, { relations: ['service_zones'] })
  const set = existing ?? (await fulfillment.createFulfillmentSets(delivery()))
  await container.resolve(ContainerRegistrationKeys.LINK).create({
    [Modules.STOCK_LOCATION]: { stock_location_id: stockLocationId },
    [Modules.FULFILLMENT]: { fulfillment_set_id: set.id },
  })
  return first(set.service_zones, 'service zone').id
}

function delivery() {
  const geo_zones = COUNTRIES.map((country_code) => ({ country_code, type: 'country' as const }))
  return { name: DELIVERY, type: 'shipping', service_zones: [{ name: 'EU', geo_zones }] }
}

async function createOption(
  container: MedusaContainer,
  { zoneId, profileId, regionId }: Where & { zoneId: string; profileId: string },
): Promise<void> {
  const option = {
    name: OPTION,
    price_type: 'flat' as const,
    provider_id: 'manual_manual',
    service_zone_id: zoneId,
    shipping_profile_id: profileId,
    type: { label: OPTION, description: '2-3 days', code: 'standard' },
    prices: [
      { currency_code: CURRENCY, amount: PRICE },
      { region_id: regionId, amount: PRICE },
    ],
    rules: [
      { attribute: 'enabled_in_store', value: 'true', operator: 'eq' as const },
      { attribute: 'is_return', value: 'false', operator: 'eq' as const },
    ],
  }
  await createShippingOptionsWorkflow(container).run({ input: [option] })
}
