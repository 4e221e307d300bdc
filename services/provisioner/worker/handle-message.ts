import { hasCode, openClaim, pendingWork, wantedRequest } from '#domain'
import type { WorkMessage } from '#messaging'
import type { Logger } from '#observability'
import { claimAndWork } from './claim.ts'
import { type LoadedStore, loadStore } from './load-store.ts'
import { releaseSlot } from './release-quota.ts'
import type { Worker } from './worker.ts'

const LOOKS_MAX = 6
// Short: with driver cluster the time from a worker's death to the next helm is 15 s, this and the fence.
const HELD_MS = 600
const TENANT_BUSY_MS = 1_000
const TENANT_BUSY_STEPS_MAX = 8
const UNREADABLE_MS = 300_000
const UNAVAILABLE_MS = 2_000

/** What is to become of the message: undefined means look at the store once more. */
type Settlement = 'ack' | { retryInMs: number } | undefined

/** Does what a message's store needs now, and settles the message. Never throws. */
export async function attend(message: WorkMessage, worker: Worker): Promise<void> {
  const { storeId, correlationId, deliveries } = message
  const logger = worker.logger.child({ storeId, correlationId, deliveries })
  if (!isStoreId(storeId)) return message.park('the subject names no store')
  try {
    const settlement = await lookUntilSettled(message, worker, logger)
    if (settlement === 'ack') {
      if (!(await message.ack())) logger.warn('The ack was not confirmed')
    } else message.retryIn(settlement.retryInMs)
  } catch (error) {
    const unreadable = hasCode(error, 'EVENT_UNREADABLE')
    if (unreadable) worker.metrics.unreadable.inc()
    logger.error({ err: error }, unreadable ? 'The stream is not readable' : 'Looking failed')
    message.retryIn(jittered(unreadable ? UNREADABLE_MS : UNAVAILABLE_MS))
  }
}

async function lookUntilSettled(message: WorkMessage, worker: Worker, logger: Logger) {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const found = await loadStore(worker.eventStore, message.storeId)
    const settlement = await look(found, { message, worker, logger })
    if (settlement !== undefined) return settlement
    if (worker.stopping.aborted) return { retryInMs: 0 }
  }
  return { retryInMs: jittered(HELD_MS) }
}

async function look(
  { state, cause }: LoadedStore,
  { message, worker, logger }: { message: WorkMessage; worker: Worker; logger: Logger },
): Promise<Settlement> {
  const kind = pendingWork(state)
  if (state.status === 'deleted' && cause !== undefined) await releaseSlot(worker, state, cause)
  if (kind === undefined || state.status === 'absent' || cause === undefined) return 'ack'
  const held = openClaim(state)
  if (held === undefined && 'notBefore' in state && state.notBefore !== undefined) {
    const restMs = Date.parse(state.notBefore) - Date.parse(worker.now())
    if (restMs > 0) return { retryInMs: restMs }
  }
  if (worker.stopping.aborted) return { retryInMs: 0 }
  using slot = worker.tenantSlots.take(state.request.tenantId)
  if (slot === undefined) return tenantBusy(message)
  await using place = await worker.clusterSlots.takeFor(state.request.tenantId)
  if (place === undefined) return tenantBusy(message)
  if (held !== undefined && !worker.ended.has(held.claimId)) {
    const lease = await worker.leases.isHeld(message.storeId, held.claimId)
    if (lease !== 'free') return { retryInMs: jittered(HELD_MS) }
    worker.metrics.takeOvers.inc()
    logger.warn(
      { deadWorker: held.worker, attempt: held.attempt },
      'Taking over from a dead worker',
    )
  }
  const takesOver = held === undefined ? {} : { takesOver: held.claimId }
  return await claimAndWork({
    request: wantedRequest(state),
    cause,
    kind,
    ...takesOver,
    message,
    worker,
    logger,
  })
}

/** The longer a store waits the more stores wait beside it: each need look less often. */
function tenantBusy({ deliveries }: WorkMessage): Settlement {
  return { retryInMs: jittered(TENANT_BUSY_MS * Math.min(deliveries, TENANT_BUSY_STEPS_MAX)) }
}

/** A little more than `ms`, never the same for all who wait. */
function jittered(ms: number): number {
  return Math.round(ms * (1 + 1.5 * Math.random()))
}

const isStoreId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
