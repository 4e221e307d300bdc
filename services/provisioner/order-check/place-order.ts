import type { Engine, PlacedOrder } from '#domain'
import { orderFromMedusa } from './engines/medusa.ts'
import { orderFromWooCommerce } from './engines/woocommerce.ts'
import { openShop, type Shop } from './shop/shop.ts'

export interface OrderCheck {
  engine: Engine
  /** Where the shop is reached, such as its Service; may end in a path. */
  baseUrl: string
  /** The host its customers use. */
  host: string
  signal: AbortSignal
  /** The bound of the whole check. */
  limitMs: number
  /** Medusa: the administrator, who reads the publishable key and cancels the order. */
  admin?: { email: string; password: string } | undefined
  /** Medusa: the key itself, where no administrator is given. */
  publishableKey?: string | undefined
}

/**
 * Buys one product as a customer would, through the shop's own HTTP API, and cancels the order where the
 * API lets it. Throws ORDER_CHECK_FAILED with the request and what came back; never a secret.
 */
export async function placeOrder(check: OrderCheck): Promise<PlacedOrder> {
  const startedAt = performance.now()
  const shop = openCheckedShop(check)
  const order =
    check.engine === 'medusa'
      ? await orderFromMedusa(shop, check)
      : await orderFromWooCommerce(shop)
  const durationMs = Math.round(performance.now() - startedAt)
  return { ...order, requests: shop.requests(), durationMs }
}

/** Opens the shop of a check; no error shows what its account is known by. */
export function openCheckedShop(check: OrderCheck): Shop {
  const secrets = [check.admin?.password, check.admin?.email, check.publishableKey]
  return openShop({ ...check, secrets: secrets.filter((each) => each !== undefined) })
}
