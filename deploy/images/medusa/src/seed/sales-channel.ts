import type { MedusaContainer } from '@medusajs/framework/types'
import { Modules } from '@medusajs/framework/utils'
import { createSalesChannelsWorkflow, updateStoresWorkflow } from '@medusajs/medusa/core-flows'
import { CURRENCY } from './market'
import { first } from './first'

/** Medusa's own migration makes a channel and a store of these names. */
const NAME = 'Default Sales Channel'
const UNNAMED = 'Medusa Store'

/** Returns the id of the channel the storefront sells through; gives the store its name and currency. */
export async function ensureSalesChannel(container: MedusaContainer): Promise<string> {
  const [existing] = await container
    .resolve(Modules.SALES_CHANNEL)
    .listSalesChannels({ name: NAME })
  const id = existing?.id ?? (await createChannel(container))
  const store = first(await container.resolve(Modules.STORE).listStores(), 'store')
  // Later changes of the owner stay: only a store without a name of its own is touched.
  if (store.name === UNNAMED) {
    const update = {
      name: process.env.STORE_NAME ?? store.name,
      supported_currencies: [{ currency_code: CURRENCY, is_default: true }],
      default_sales_channel_id: id,
    }
    await updateStoresWorkflow(container).run({ input: { selector: { id: store.id }, update } })
  }
  return id
}

async function createChannel(container: MedusaContainer): Promise<string> {
  const input = { salesChannelsData: [{ name: NAME }] }
  const { result } = await createSalesChannelsWorkflow(container).run({ input })
  return first(result, 'sales channel').id
}
