import type { ExecArgs } from '@medusajs/framework/types'
import { ensureMarket } from '../seed/market'
import { ensureProduct } from '../seed/product'
import { ensurePublishableKey } from '../seed/publishable-key'
import { ensureSalesChannel } from '../seed/sales-channel'
import { ensureShipping } from '../seed/shipping'
import { ensureStockLocation } from '../seed/stock-location'
import { reportDone } from '../report-done'

/**
 * Makes the store able to sell: one region, one way to ship, one way to pay, one product.
 * For a database that was empty when the set-up began; what Medusa's own migrations have made is used.
 */
export default async function seed({ container }: ExecArgs): Promise<void> {
  const salesChannelId = await ensureSalesChannel(container)
  const regionId = await ensureMarket(container)
  const stockLocationId = await ensureStockLocation(container, salesChannelId)
  const shippingProfileId = await ensureShipping(container, { stockLocationId, regionId })
  await ensurePublishableKey(container, salesChannelId)
  await ensureProduct(container, { salesChannelId, shippingProfileId })
  reportDone()
}
