import { wantedRequest, type StoreCommand } from '#domain'
import { createLogger } from '#observability'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { messageOf, workerOf } from '#test/provisioner/worker'
import { dataOf } from '#test/store-history'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { claimAndWork } from './claim.ts'
import { loadStore } from './load-store.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('a worker that read the store before another plan was requested makes nothing of the older plan', async () => {
  await using world = await provisionerWorld()
  const storeId = await upgradingStore(world)
  const seen = await loadStore(world.eventStore, storeId)
  if (seen.state.status === 'absent' || seen.cause === undefined) throw new Error('no store')
  const request = wantedRequest(seen.state)
  const failing = await world.claim(storeId)
  await world.send(storeId, failed(failing))
  await world.upgrade(storeId, 'large')
  const worker = workerOf(world)

  const { cause, state, revision } = seen
  const settled = await claimAndWork({
    request,
    known: { state, revision },
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
  // Still open: nothing was tried, and nothing has failed.
  expect(events.at(-1)?.type).toBe('ProvisioningStarted')
  expect(worker.ended.has(claims[2]?.claimId ?? '')).toBe(true)
})

type World = Awaited<ReturnType<typeof provisionerWorld>>

/** Ready on plan small, and asked to become medium. */
async function upgradingStore(world: World): Promise<string> {
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const claimId = await world.claim(storeId)
  const names = { release: 's-x', namespace: 's-x', url: 'https://x', chart: 'woocommerce' }
  const digests = { chartDigest: 'c', valuesDigest: 'v' }
  const result = { ...names, ...digests, chartVersion: '0.1.0', adopted: false, now: now() }
  await world.send(storeId, { type: 'CompleteProvisioning', claimId, ...result })
  await world.upgrade(storeId, 'medium')
  return storeId
}

function failed(claimId: string): StoreCommand {
  const failure = { reason: 'TIMEOUT', retryable: false, detail: 'x', nextAction: 'y' } as const
  return { type: 'FailAttempt', claimId, failure, retryDelaysMs: [], now: now() }
}

const now = () => new Date().toISOString()
