import type { MedusaContainer } from '@medusajs/framework/types'
import { ContainerRegistrationKeys, Modules } from '@medusajs/framework/utils'
import {
  createStockLocationsWorkflow,
  linkSalesChannelsToStockLocationWorkflow,
} from '@medusajs/medusa/core-flows'
import { first } from './first'
import { COUNTRIES } from './market'

const NAME = 'Main'

/** Returns the id of the place goods leave from, linked to the sales channel. */
export async function ensureStockLocation(
  container: MedusaContainer,
  salesChannelId: string,
): Promise<string> {
  const locations = container.resolve(Modules.STOCK_LOCATION)
  const [existing] = await locations.listStockLocations({ name: NAME })
  const id = existing?.id ?? (await createLocation(container))
  await container.resolve(ContainerRegistrationKeys.LINK).create({
    [Modules.STOCK_LOCATION]: { stock_location_id: id },
    [Modules.FULFILLMENT]: { fulfillment_provider_id: 'manual_manual' },
  })
  const input = { id, add: [salesChannelId] }
  await linkSalesChannelsToStockLocationWorkflow(container).run({ input })
  return id
}

async function createLocation(container: MedusaContainer): Promise<string> {
  const [country = 'at'] = COUNTRIES
  const city = country === 'at' ? 'Wien' : '-'
  const address = { address_1: '-', city, country_code: country.toUpperCase() }
  const input = { locations: [{ name: NAME, address }] }
  const { result } = await createStockLocationsWorkflow(container).run({ input })
  return first(result, 'stock location').id
}
