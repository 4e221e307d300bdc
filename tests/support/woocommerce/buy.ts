import { z } from 'zod'
import type { WebServer } from './web-server.ts'

const products = z.array(z.object({ id: z.int() }))
const order = z.object({ order_id: z.int(), status: z.string() })
const address = {
  first_name: 'Eva',
  last_name: 'Muster',
  address_1: 'Weg 1',
  city: 'Wien',
  postcode: '1010',
  country: 'AT',
  email: 'eva@customer.example',
  phone: '1',
}

/** A customer's way from the shop window to the order, by addresses that work with any permalinks. */
export async function buy({ ask }: Pick<WebServer, 'ask'>): Promise<z.infer<typeof order>> {
  const call = async (path: string, token = '', body?: object) => {
    const headers = { 'content-type': 'application/json', ...(token && { 'cart-token': token }) }
    const text = body && JSON.stringify(body)
    const method = body ? 'POST' : 'GET'
    const answer = await ask({
      method,
      path: `/?rest_route=/wc/store/v1${path}`,
      headers,
      ...(text && { body: text }),
    })
    if (answer.status >= 300)
      throw new Error(`${path} was answered with ${answer.status}: ${answer.text.slice(0, 300)}`)
    return answer
  }
  const [product] = products.parse(JSON.parse((await call('/products')).text))
  const token = String((await call('/cart')).headers['cart-token'])
  await call('/cart/add-item', token, { id: product?.id, quantity: 1 })
  const addresses = { billing_address: address, shipping_address: address }
  const bought = await call('/checkout', token, { ...addresses, payment_method: 'cod' })
  return order.parse(JSON.parse(bought.text))
}
