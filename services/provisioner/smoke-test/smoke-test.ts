import type { Engine, PlacedOrder } from '#domain'
import { orderFromMedusa, walkMedusa } from './engines/medusa.ts'
import { orderFromWooCommerce, walkWooCommerce } from './engines/woocommerce.ts'
import { isOwnersChoice } from './failures.ts'
import { openShop, type Shop } from './shop.ts'

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
function openCheckedShop(check: OrderCheck): Shop {
  const secrets = [check.admin?.password, check.admin?.email, check.publishableKey]
  return openShop({ ...check, secrets: secrets.filter((each) => each !== undefined) })
}

/** How far a customer comes in a shop. */
export interface ShopWalk {
  /** What ended the walk before the till, where its owner may have chosen it: nothing to sell, another password. */
  endedBy?: string
  requests: number
  durationMs: number
}

/**
 * Goes through a shop that sells already as a customer would, as far as the till: no order is placed. Throws
 * ORDER_CHECK_FAILED where the shop does not work; that its owner sells otherwise than at first is none of that.
 */
export async function walkShop(check: OrderCheck): Promise<ShopWalk> {
  const startedAt = performance.now()
  const shop = openCheckedShop(check)
  const walked = (endedBy?: string): ShopWalk => ({
    ...(endedBy !== undefined && { endedBy }),
    requests: shop.requests(),
    durationMs: Math.round(performance.now() - startedAt),
  })
  try {
    await (check.engine === 'medusa' ? walkMedusa(shop, check) : walkWooCommerce(shop))
    return walked()
  } catch (error) {
    if (isOwnersChoice(error)) return walked(error.message)
    throw error
  }
}
