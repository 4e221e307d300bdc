import { z } from 'zod'
import { AppError, type PlacedOrder } from '#domain'
import { engineRegistry } from '../../../engines/registry.ts'
import type { Target } from '../../../reconcile/driver.ts'
import {
  type SmokeTest,
  placeOrder,
  type Browsing,
  browseToCheckout,
} from '../../../smoke-test/smoke-test.ts'
import { STORE_SECRET } from '../../../installation.ts'
import { readObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'

export interface SmokeTestOptions {
  /** Where the provisioner reaches a store; `{release}` is the release's and the namespace's name. */
  urlTemplate: string
  /** The limit of one smoke test. */
  limitMs: number
}

const base64 = z.string().transform((text) => Buffer.from(text, 'base64').toString('utf8'))
const account = z.object({ data: z.object({ 'admin-email': base64, 'admin-password': base64 }) })

type Checking = SmokeTestOptions & { signal: AbortSignal }

/** Places an order in the store's shop, behind its Service. Throws SMOKE_TEST_FAILED. */
export async function placeTestOrder(
  cluster: Cluster,
  target: Target,
  checking: Checking,
): Promise<PlacedOrder> {
  return placeOrder(await checkOf(cluster, target, checking))
}

/** Browses the store's shop up to its checkout. Throws SMOKE_TEST_FAILED. */
export async function browseStore(
  cluster: Cluster,
  target: Target,
  checking: Checking,
): Promise<Browsing> {
  return browseToCheckout(await checkOf(cluster, target, checking))
}

async function checkOf(
  cluster: Cluster,
  target: Target,
  { signal, urlTemplate, limitMs }: Checking,
): Promise<SmokeTest> {
  const { engine } = target.request
  const { testsAsAdmin } = engineRegistry[engine]
  const admin = testsAsAdmin ? await readAdmin(cluster, target) : undefined
  const baseUrl = urlTemplate.replaceAll('{release}', target.release)
  return { engine, baseUrl, host: target.values.host, signal, limitMs, admin }
}

async function readAdmin({ api, withNamespaceAccess }: Cluster, target: Target) {
  const object = { kind: 'Secret', namespace: target.release, name: STORE_SECRET } as const
  const found = await withNamespaceAccess(target, () => readObject(api, object, account))
  if (found === undefined)
    throw new AppError('SMOKE_TEST_FAILED', `${STORE_SECRET} is gone`, { retryable: true })
  return { email: found.data['admin-email'], password: found.data['admin-password'] }
}
