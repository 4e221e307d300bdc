import type { Shop } from '../smoke-test/shop.ts'

/** What the smoke test knows about a shop besides its address. */
export interface ShopAccess {
  /** The administrator of the store's Secret, for an engine that needs one. */
  admin?: { email: string; password: string } | undefined
  /** Medusa: the key of a storefront, where no administrator is given. */
  publishableKey?: string | undefined
}

/** All the provisioner has to know about an engine. */
export interface EngineSupport {
  /** The folder of its chart below CHARTS_DIR. */
  chart: string
  /** Whether the smoke test needs the store's administrator. */
  testsAsAdmin: boolean
  /** Buys one product, and cancels the order where the engine lets it. Throws SMOKE_TEST_FAILED. */
  placeOrder: (shop: Shop, access: ShopAccess) => Promise<{ orderId: string; cancelled: boolean }>
  /** Fills a cart up to the checkout and orders nothing. Throws SMOKE_TEST_FAILED. */
  browseToCheckout: (shop: Shop, access: ShopAccess) => Promise<void>
}

/** By this a shop's owner recognises the order of a smoke test; `.invalid` belongs to nobody (RFC 2606). */
export const customer = {
  email: 'smoke-test@storewright.invalid',
  firstName: 'Order',
  lastName: 'Check',
  street: 'Test order, nothing to ship',
  city: 'Wien',
  postcode: '1010',
  phone: '0000000',
} as const

/** The customer's country unless the shop sells only elsewhere; ISO 3166, lower case. */
export const COUNTRY = 'at'

/** The product a new shop comes with. */
export const SAMPLE_PRODUCT = 'sample-product'
