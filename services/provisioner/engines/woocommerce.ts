import { z } from 'zod'
import { COUNTRY, customer, SAMPLE_PRODUCT, type EngineSupport } from './engine-support.ts'
import { type Answer, parseJson } from '../smoke-test/exchange.ts'
import { isUnanswered } from '../smoke-test/failures.ts'
import type { Shop } from '../smoke-test/shop.ts'

// This form of a route works with any permalinks the owner may have chosen.
const API = '/?rest_route=/wc/store/v1'
/** Answered by the image of the shop, with the test order of the last ten minutes; then it is undone. */
const TEST_ORDER = '/?rest_route=/storewright/v1/test-order'
const PRODUCTS_MAX = 50
const CASH_ON_DELIVERY = 'cod'
/** The id of an order whose answer was lost. */
const UNKNOWN = 'unknown'
/** What WooCommerce writes into each page it hides from customers. */
const COMING_SOON = /<meta name=["']woo-coming-soon-page["']/

export const woocommerce: EngineSupport = {
  chart: 'woocommerce',
  testsAsAdmin: false,
  placeOrder,
  browseToCheckout: async (shop) => {
    await fillCheckout(shop)
  },
}

/**
 * WooCommerce's Store API from the product list to the order, with a Cart-Token: no cookie, no nonce. One
 * checkout only: WooCommerce limits their rate. Its API lets no customer cancel. An order whose answer an earlier test
 * did not get is found, not repeated.
 */
async function placeOrder(shop: Shop): Promise<{ orderId: string; cancelled: boolean }> {
  const { headers, added, paymentMethods } = await fillCheckout(shop)
  if (!paymentMethods.includes(CASH_ON_DELIVERY))
    throw shop.failure(
      added,
      `offers ${paymentMethods.join(', ') || 'nothing'} to pay with, not cod`,
    )
  const earlier = await recentTestOrder(shop)
  if (earlier !== undefined) return { orderId: earlier, cancelled: false }
  const order = await checkOut(shop, headers)
  if (order === undefined)
    return { orderId: (await recentTestOrder(shop)) ?? UNKNOWN, cancelled: false }
  await readOrder(shop, order)
  return { orderId: String(order.order_id), cancelled: false }
}

/** A cart with a product in it, without an order. */
async function fillCheckout(shop: Shop) {
  await shop.untilOpen('/')
  const product = await findProduct(shop)
  await showsProduct(shop, product)
  await refusesStrangers(shop, product.id)
  const headers = await openCart(shop)
  const item = { id: product.id, quantity: 1 }
  const added = { method: 'POST', path: `${API}/cart/add-item`, headers, body: item } as const
  const { payment_methods: paymentMethods } = await shop.call(added, cartSchema)
  return { headers, added, paymentMethods }
}

async function findProduct(shop: Shop): Promise<Product> {
  const request = { path: `${API}/products`, query: { per_page: String(PRODUCTS_MAX) } }
  const products = await shop.call(request, productsSchema)
  const buyable = products.filter(
    (each) => each.is_purchasable && each.is_in_stock && !each.has_options,
  )
  const product = buyable.find(({ slug }) => slug === SAMPLE_PRODUCT) ?? buyable[0]
  if (product === undefined) throw shop.failure(request, 'shows no product that can be bought')
  return product
}

/** The page a customer sees: the API sells as well while the pages say "coming soon". */
async function showsProduct(shop: Shop, { permalink }: Product): Promise<void> {
  const { pathname, search } = new URL(permalink)
  const request = { path: `${pathname}${search}`, headers: { accept: 'text/html' } }
  const answer = await shop.send(request)
  if (answer.status >= 500) throw shop.refusal(request, answer)
  if (answer.status !== 200)
    throw shop.failure(request, `shows no product but was answered with ${answer.status}`)
  if (COMING_SOON.test(answer.text))
    throw shop.failure(request, 'shows "coming soon" instead of the product')
}

/** Checks that a cart cannot be filled without a nonce or a Cart-Token. */
async function refusesStrangers(shop: Shop, product: number): Promise<void> {
  const body = { id: product, quantity: 1 }
  const request = { method: 'POST', path: `${API}/cart/add-item`, body } as const
  const answer = await shop.send(request)
  if (answer.status >= 500) throw shop.refusal(request, answer)
  if (answer.status !== 401)
    throw shop.failure(request, `without a token was answered with ${answer.status}, not with 401`)
}

async function openCart(shop: Shop): Promise<Record<string, string>> {
  const request = { path: `${API}/cart` }
  const answer = await shop.send(request)
  if (answer.status !== 200) throw shop.refusal(request, answer)
  const token = answer.headers['cart-token']
  if (typeof token !== 'string' || token === '') throw shop.failure(request, 'gave no Cart-Token')
  shop.keepSecret(token)
  return { 'cart-token': token }
}

/** The order; undefined where it was placed and its answer was lost. */
async function checkOut(shop: Shop, headers: Record<string, string>): Promise<Order | undefined> {
  const addresses = {
    billing_address: { ...address, email: customer.email },
    shipping_address: address,
  }
  const updated = {
    method: 'POST',
    path: `${API}/cart/update-customer`,
    headers,
    body: addresses,
  } as const
  await shop.call(updated, cartSchema)
  const body = {
    ...addresses,
    payment_method: CASH_ON_DELIVERY,
    payment_data: [],
    customer_note: 'A test order placed while the shop was set up. Nothing to ship.',
  }
  const request = {
    method: 'POST',
    path: `${API}/checkout`,
    headers,
    body,
    onceOnly: true,
  } as const
  const order = await shop.call(request, checkoutSchema).catch(async (error: unknown) => {
    if (!isUnanswered(error)) throw error
    // A cart is emptied by its order. Another checkout would be another order.
    await shop
      .until({ path: `${API}/cart`, headers }, isEmptyCart)
      .catch(() => Promise.reject(error))
    return undefined
  })
  if (order === undefined) return undefined
  shop.keepSecret(order.order_key)
  const { payment_status } = order.payment_result
  if (payment_status !== 'success')
    throw shop.failure(request, `ended with the payment ${payment_status}`)
  if (order.status !== 'processing')
    throw shop.failure(request, `made an order that is ${order.status}`)
  return order
}

/** A shop of another image knows none. */
async function recentTestOrder(shop: Shop): Promise<string | undefined> {
  const answer = await shop.send({ path: TEST_ORDER })
  if (answer.status !== 200) return undefined
  const { data } = testOrderSchema.safeParse(parseJson(answer.text))
  return data === undefined ? undefined : String(data.order_id)
}

async function readOrder(shop: Shop, { order_id, order_key }: Order): Promise<void> {
  const query = { key: order_key, billing_email: customer.email }
  await shop.call({ path: `${API}/order/${order_id}`, query }, orderSchema)
}

function isEmptyCart({ text }: Answer): boolean {
  const { data } = cartSchema.safeParse(parseJson(text))
  return data?.items.length === 0
}

const address = {
  first_name: customer.firstName,
  last_name: customer.lastName,
  address_1: customer.street,
  city: customer.city,
  postcode: customer.postcode,
  country: COUNTRY.toUpperCase(),
  phone: customer.phone,
}

/** The parts of the Store API's answers that are used. */
const id = z.int().positive()

const productsSchema = z.array(
  z.object({
    id,
    slug: z.string(),
    permalink: z.url(),
    is_purchasable: z.boolean(),
    is_in_stock: z.boolean(),
    has_options: z.boolean().default(false),
  }),
)

type Product = z.output<typeof productsSchema>[number]

const cartSchema = z.object({ items: z.array(z.unknown()), payment_methods: z.array(z.string()) })

const checkoutSchema = z.object({
  order_id: id,
  order_key: z.string().min(1),
  status: z.string(),
  payment_result: z.object({ payment_status: z.string() }),
})
type Order = z.output<typeof checkoutSchema>

const orderSchema = z.object({ id })
const testOrderSchema = z.object({ order_id: id })
