import { z } from 'zod'
import type { ShopRequest } from '../smoke-test/exchange.ts'
import type { Shop } from '../smoke-test/shop.ts'
import {
  COUNTRY,
  customer,
  type EngineSupport,
  SAMPLE_PRODUCT,
  type ShopAccess,
} from './engine-support.ts'

const PRODUCTS_MAX = 50

type Ask = (request: ShopRequest) => ShopRequest

export const medusa: EngineSupport = {
  chart: 'medusa',
  testsAsAdmin: true,
  placeOrder,
  browseToCheckout: async (shop, access) => {
    await fillCheckout(shop, access)
  },
}

/** Medusa's Store API from the region to the completed cart. */
async function placeOrder(
  shop: Shop,
  access: ShopAccess,
): Promise<{ orderId: string; cancelled: boolean }> {
  const { ask, admin, cart } = await fillCheckout(shop, access)
  await choosePayment(shop, ask, cart)
  const orderId = await complete(shop, ask, cart.id)
  return { orderId, cancelled: await cancel(orderId, admin) }
}

/** A cart with a product, an address and a way to ship it, without an order. */
async function fillCheckout(shop: Shop, { admin: account, publishableKey }: ShopAccess) {
  await shop.untilOpen('/health')
  const admin = account && (await openAdmin(shop, account))
  const key = publishableKey ?? (await admin?.publishableKey())
  if (key === undefined)
    throw shop.failure({ path: '/store/regions' }, 'needs an administrator or a publishable key')
  shop.keepSecret(key)
  const ask: Ask = (request) => ({ ...request, headers: { 'x-publishable-api-key': key } })
  const cart = await fillCart(shop, ask)
  await chooseShipping(shop, ask, cart.id)
  return { ask, admin, cart }
}

interface Cart {
  id: string
  regionId: string
}

async function fillCart(shop: Shop, ask: Ask): Promise<Cart> {
  const { regions } = await shop.call(ask({ path: '/store/regions' }), answers.regions)
  const region = regions.find(({ countries }) => countries.length > 0)
  if (region === undefined)
    throw shop.failure({ path: '/store/regions' }, 'names no region with a country')
  const variant = await findVariant(shop, ask, region.id)
  const { email } = customer
  const body = { region_id: region.id, email }
  const made = ask({ method: 'POST', path: '/store/carts', body })
  const { id } = (await shop.call(made, answers.cart)).cart
  const path = `/store/carts/${id}`
  const item = { variant_id: variant, quantity: 1 }
  await shop.call(ask({ method: 'POST', path: `${path}/line-items`, body: item }), answers.cart)
  const codes = region.countries.map(({ iso_2 }) => iso_2)
  const address = addressIn(codes.find((code) => code === COUNTRY) ?? codes[0] ?? COUNTRY)
  const addresses = { shipping_address: address, billing_address: address }
  await shop.call(ask({ method: 'POST', path, body: addresses }), answers.cart)
  return { id, regionId: region.id }
}

/** A variant that can be bought in the region; of the sample product where that still exists. */
async function findVariant(shop: Shop, ask: Ask, regionId: string): Promise<string> {
  const fields = 'id,handle,*variants,*variants.calculated_price'
  const query = { region_id: regionId, limit: String(PRODUCTS_MAX), fields }
  const request = ask({ path: '/store/products', query })
  const { products } = await shop.call(request, answers.products)
  const sample = products.filter(({ handle }) => handle === SAMPLE_PRODUCT)
  const variants = [...sample, ...products].flatMap((product) => product.variants)
  const priced = variants.find(({ calculated_price }) => calculated_price !== null)
  if (priced === undefined)
    throw shop.failure(request, 'shows no product that has a price in the region')
  return priced.id
}

function addressIn(countryCode: string) {
  return {
    first_name: customer.firstName,
    last_name: customer.lastName,
    address_1: customer.street,
    city: customer.city,
    postal_code: customer.postcode,
    country_code: countryCode,
    phone: customer.phone,
  }
}

async function chooseShipping(shop: Shop, ask: Ask, cartId: string): Promise<void> {
  const request = ask({ path: '/store/shipping-options', query: { cart_id: cartId } })
  const [option] = (await shop.call(request, answers.shippingOptions)).shipping_options
  if (option === undefined) throw shop.failure(request, 'offers no way to ship the cart')
  const path = `/store/carts/${cartId}/shipping-methods`
  await shop.call(ask({ method: 'POST', path, body: { option_id: option.id } }), answers.cart)
}

async function choosePayment(shop: Shop, ask: Ask, cart: Cart): Promise<void> {
  const request = ask({ path: '/store/payment-providers', query: { region_id: cart.regionId } })
  const { payment_providers } = await shop.call(request, answers.paymentProviders)
  // Any other provider would take money.
  const provider = payment_providers.find(({ id }) => id === 'pp_system_default')
  if (provider === undefined) throw shop.failure(request, 'does not offer pp_system_default')
  const path = '/store/payment-collections'
  const collection = ask({ method: 'POST', path, body: { cart_id: cart.id } })
  const { id } = (await shop.call(collection, answers.paymentCollection)).payment_collection
  const body = { provider_id: provider.id }
  const session = ask({ method: 'POST', path: `${path}/${id}/payment-sessions`, body })
  await shop.call(session, answers.paymentCollection)
}

async function complete(shop: Shop, ask: Ask, cartId: string): Promise<string> {
  const path = `/store/carts/${cartId}/complete`
  const request = ask({ method: 'POST', path, onceOnly: true })
  const completed = await shop.call(request, answers.completed)
  // For a cart that cannot be completed Medusa answers with 200 as well.
  if (completed.type === 'cart')
    throw shop.failure(
      request,
      `gave the cart back: ${completed.error?.message ?? 'no reason was given'}`,
    )
  const made = ask({ path: `/store/orders/${completed.order.id}` })
  return (await shop.call(made, answers.order)).order.id
}

async function cancel(orderId: string, admin: Admin | undefined): Promise<boolean> {
  return admin === undefined ? false : admin.cancel(orderId)
}

interface Admin {
  /** The key a storefront sends with every request. */
  publishableKey: () => Promise<string>
  /** True when the order is cancelled; a shop that cannot cancel it still sells. */
  cancel: (orderId: string) => Promise<boolean>
}

/** Logs in at a Medusa shop as its administrator. */
async function openAdmin(shop: Shop, account: { email: string; password: string }): Promise<Admin> {
  const login = { method: 'POST', path: '/auth/user/emailpass', body: account } as const
  const { token } = await shop.call(login, answers.login)
  shop.keepSecret(token)
  const headers = { authorization: `Bearer ${token}` }
  return {
    publishableKey: async () => {
      const request = { path: '/admin/api-keys', query: { type: 'publishable' }, headers }
      const { api_keys } = await shop.call(request, answers.apiKeys)
      const key = api_keys.find(({ revoked_at }) => revoked_at === null)
      if (key === undefined)
        throw shop.failure(request, 'names no publishable key that is not revoked')
      return key.token
    },
    cancel: async (orderId) => {
      const path = `/admin/orders/${orderId}/cancel`
      const answer = await shop.send({ method: 'POST', path, headers }).catch(() => undefined)
      return answer?.status === 200
    },
  }
}

// Ids go into paths.
const id = z.string().regex(/^[\w-]+$/)
const withId = z.object({ id })
const variant = z.object({ id, calculated_price: z.object({}).nullable().default(null) })

/** The parts of Medusa's answers that are used. */
const answers = {
  login: z.object({ token: z.string().min(1) }),
  apiKeys: z.object({
    api_keys: z.array(
      z.object({ token: z.string().min(1), revoked_at: z.string().nullable().default(null) }),
    ),
  }),
  regions: z.object({
    regions: z.array(
      z.object({ id, countries: z.array(z.object({ iso_2: z.string() })).default([]) }),
    ),
  }),
  products: z.object({
    products: z.array(
      z.object({
        handle: z.string().nullable(),
        variants: z
          .array(variant)
          .nullable()
          .transform((all) => all ?? []),
      }),
    ),
  }),
  cart: z.object({ cart: withId }),
  shippingOptions: z.object({ shipping_options: z.array(withId) }),
  paymentProviders: z.object({
    payment_providers: z.array(z.object({ id: z.string() })),
  }),
  paymentCollection: z.object({ payment_collection: withId }),
  order: z.object({ order: withId }),
  completed: z.discriminatedUnion('type', [
    z.object({ type: z.literal('order'), order: withId }),
    z.object({ type: z.literal('cart'), error: z.object({ message: z.string() }).optional() }),
  ]),
}
