import { wantedRequest, type StoreCommand } from '#domain'
import { openLeases, type WorkMessage } from '#messaging'
import { createLogger } from '#observability'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf } from '#test/store-history'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseConfig } from '../config.ts'
import { createMetrics } from '../metrics.ts'
import type { Driver } from '../reconcile/driver.ts'
import { claimAndWork } from './claim.ts'
import { loadStore } from './load-store.ts'
import { tenantSlots } from './concurrency.ts'
import { endedClaims, type Worker } from './worker.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('a worker that looked before another plan was asked for makes nothing of the plan it saw', async () => {
  await using world = await provisionerWorld()
  const storeId = await upgradingStore(world)
  const seen = await loadStore(world.eventStore, storeId)
  if (seen.state.status === 'absent' || seen.cause === undefined) throw new Error('no store')
  const request = wantedRequest(seen.state)
  const failing = await world.claim(storeId)
  await world.send(storeId, failed(failing))
  await world.upgrade(storeId, 'large')
  const worker = workerOf(world)

  const { cause } = seen
  const settled = await claimAndWork({
    request,
    kind: 'upgrade',
    cause,
    message: messageOf(storeId),
    worker,
    logger,
  })

  expect(settled).toBeUndefined()
  const events = await world.history(storeId)
  const claims = dataOf(events, 'ProvisioningStarted')
  expect(claims).toHaveLength(3)
  // Open still, for whoever looks again: nothing was tried, and nothing has failed.
  expect(events.at(-1)?.type).toBe('ProvisioningStarted')
  expect(worker.ended.has(claims[2]?.claimId ?? '')).toBe(true)
})

type World = Awaited<ReturnType<typeof provisionerWorld>>

/** Ready on plan small, and asked to become medium. */
async function upgradingStore(world: World): Promise<string> {
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const claimId = await world.claim(storeId)
  const place = { release: 's-x', namespace: 's-x', url: 'https://x', chart: 'woocommerce' }
  const digests = { chartDigest: 'c', valuesDigest: 'v' }
  const result = { ...place, ...digests, chartVersion: '0.1.0', adopted: false, now: now() }
  await world.send(storeId, { type: 'CompleteProvisioning', claimId, ...result })
  await world.upgrade(storeId, 'medium')
  return storeId
}

function failed(claimId: string): StoreCommand {
  const failure = { reason: 'TIMEOUT', retryable: false, detail: 'x', nextAction: 'y' } as const
  return { type: 'FailAttempt', claimId, failure, retryDelaysMs: [], now: now() }
}

function workerOf({ eventStore, messaging, environment }: World): Worker {
  const config = parseConfig(environment)
  const { LEASE_TTL_MS: leaseTtlMs, ACK_WAIT_MS: ackWaitMs } = config
  return {
    workerId: 'late',
    eventStore,
    leases: openLeases(messaging, { leaseTtlMs, ackWaitMs }),
    driver: untouched,
    logger,
    metrics: createMetrics(),
    chartsDir: config.CHARTS_DIR,
    storesDomain: config.STORES_DOMAIN,
    retryDelaysMs: [],
    renewEveryMs: config.LEASE_RENEW_MS,
    lostAfterMs: config.LEASE_LOST_MS,
    resultPatienceMs: config.RESULT_PATIENCE_MS,
    now,
    stopping: new AbortController().signal,
    tenantSlots: tenantSlots(1),
    clusterSlots: { take: nobody, takeFor: nobody, close: () => {} },
    ended: endedClaims(),
  }
}

const messageOf = (storeId: string): WorkMessage => ({
  storeId,
  subject: '',
  deliveries: 1,
  streamSequence: 1,
  working: () => Promise.resolve(true),
  ack: () => Promise.resolve(true),
  retryIn: () => {},
  park: () => {},
})

const now = () => new Date().toISOString()
const nobody = () => Promise.resolve(undefined)
const never = () => Promise.reject(new Error('The release was touched'))
const untouched: Driver = {
  observe: never,
  fence: never,
  deploy: never,
  unlock: never,
  inventory: never,
  uninstall: never,
  urlOf: () => 'https://x',
}
