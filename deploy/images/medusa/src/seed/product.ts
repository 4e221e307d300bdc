import type { MedusaContainer } from '@medusajs/framework/types'
import { Modules, ProductStatus } from '@medusajs/framework/utils'
import { createProductsWorkflow } from '@medusajs/medusa/core-flows'
import { CURRENCY } from './market'

const HANDLE = 'sample-product'

interface Channels {
  salesChannelId: string
  shippingProfileId: string
}

/** Makes one product that can be bought; the check of a new store orders it. */
export async function ensureProduct(container: MedusaContainer, channels: Channels): Promise<void> {
  const products = container.resolve(Modules.PRODUCT)
  // Deleted by its owner it stays deleted.
  const [existing] = await products.listProducts({ handle: HANDLE }, { withDeleted: true })
  if (existing !== undefined) return
  const product = {
    title: 'Sample product',
    handle: HANDLE,
    status: ProductStatus.PUBLISHED,
    shipping_profile_id: channels.shippingProfileId,
    options: [{ title: 'Size', values: ['M'] }],
    variants: [
      {
        title: 'M',
        sku: 'SAMPLE-M',
        manage_inventory: false,
        options: { Size: 'M' },
        prices: [{ amount: 10, currency_code: CURRENCY }],
      },
    ],
    sales_channels: [{ id: channels.salesChannelId }],
  }
  await createProductsWorkflow(container).run({ input: { products: [product] } })
}
