import type { Engine, PlacedOrder } from '#domain'
import type { ShopAccess } from '../engines/engine-support.ts'
import { engineRegistry } from '../engines/registry.ts'
import { isOwnersChoice } from './failures.ts'
import { openShop, type Shop } from './shop.ts'

export interface SmokeTest extends ShopAccess {
  engine: Engine
  /** Where the shop is reached, such as its Service; may end in a path. */
  baseUrl: string
  /** The host its customers use. */
  host: string
  signal: AbortSignal
  /** The limit of the whole test. */
  limitMs: number
}

/**
 * Buys one product as a customer would, through the shop's own HTTP API, and cancels the order where the
 * API lets it. Throws SMOKE_TEST_FAILED with the request and what came back; never a secret.
 */
export async function placeOrder(check: SmokeTest): Promise<PlacedOrder> {
  const startedAt = performance.now()
  const shop = openCheckedShop(check)
  const order = await engineRegistry[check.engine].placeOrder(shop, check)
  const durationMs = Math.round(performance.now() - startedAt)
  return { ...order, requests: shop.requests(), durationMs }
}

/** Opens the shop of a test; no error shows its account or key. */
function openCheckedShop(check: SmokeTest): Shop {
  const secrets = [check.admin?.password, check.admin?.email, check.publishableKey]
  return openShop({ ...check, secrets: secrets.filter((each) => each !== undefined) })
}

/** How far the smoke test came without an order. */
export interface Browsing {
  /** What ended the visit before the checkout, where the owner may have chosen it: nothing to sell, another password. */
  endedBy?: string
  requests: number
  durationMs: number
}

/**
 * Browses a shop that already sells, as a customer would, up to its checkout: no order is placed. Throws
 * SMOKE_TEST_FAILED where the shop does not work. What its owner has changed, such as products, is no fault.
 */
export async function browseToCheckout(check: SmokeTest): Promise<Browsing> {
  const startedAt = performance.now()
  const shop = openCheckedShop(check)
  const browsed = (endedBy?: string): Browsing => ({
    ...(endedBy !== undefined && { endedBy }),
    requests: shop.requests(),
    durationMs: Math.round(performance.now() - startedAt),
  })
  try {
    await engineRegistry[check.engine].browseToCheckout(shop, check)
    return browsed()
  } catch (error) {
    if (isOwnersChoice(error)) return browsed(error.message)
    throw error
  }
}
