import { z } from 'zod'
import { AppError, type PlacedOrder } from '#domain'
import type { Target } from '../../../reconcile/driver.ts'
import {
  type OrderCheck,
  placeOrder,
  type ShopWalk,
  walkShop,
} from '../../../smoke-test/smoke-test.ts'
import { STORE_SECRET } from '../../../values.ts'
import { readObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'

export interface OrderCheckOptions {
  /** Where the provisioner reaches a store; `{release}` is the release's and the namespace's name. */
  urlTemplate: string
  /** The bound of one check. */
  limitMs: number
}

const base64 = z.string().transform((text) => Buffer.from(text, 'base64').toString('utf8'))
const account = z.object({ data: z.object({ 'admin-email': base64, 'admin-password': base64 }) })

type Checking = OrderCheckOptions & { signal: AbortSignal }

/** Places an order in the store's shop, behind its Service. Throws ORDER_CHECK_FAILED. */
export async function checkOrder(
  cluster: Cluster,
  target: Target,
  checking: Checking,
): Promise<PlacedOrder> {
  return placeOrder(await checkOf(cluster, target, checking))
}

/** Goes through the store's shop as far as the till. Throws ORDER_CHECK_FAILED. */
export async function checkShop(
  cluster: Cluster,
  target: Target,
  checking: Checking,
): Promise<ShopWalk> {
  return walkShop(await checkOf(cluster, target, checking))
}

async function checkOf(
  cluster: Cluster,
  target: Target,
  { signal, urlTemplate, limitMs }: Checking,
): Promise<OrderCheck> {
  const { engine } = target.request
  const admin = engine === 'medusa' ? await readAdmin(cluster, target) : undefined
  const baseUrl = urlTemplate.replaceAll('{release}', target.release)
  return { engine, baseUrl, host: target.values.host, signal, limitMs, admin }
}

async function readAdmin({ api, withNamespaceAccess }: Cluster, target: Target) {
  const object = { kind: 'Secret', namespace: target.release, name: STORE_SECRET } as const
  const found = await withNamespaceAccess(target, () => readObject(api, object, account))
  if (found === undefined)
    throw new AppError('ORDER_CHECK_FAILED', `${STORE_SECRET} is gone`, { retryable: true })
  return { email: found.data['admin-email'], password: found.data['admin-password'] }
}
