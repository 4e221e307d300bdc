import { walkMedusa } from './engines/medusa.ts'
import { walkWooCommerce } from './engines/woocommerce.ts'
import { openCheckedShop, type OrderCheck } from './place-order.ts'
import { isOwnersChoice } from './shop/failures.ts'

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
