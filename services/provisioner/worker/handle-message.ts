import { notifySubject } from '#contracts'
import { type Claim, hasCode, openClaim, pendingWork, wantedRequest } from '#domain'
import type { LeaseStatus, WorkMessage } from '#messaging'
import { kindOfError, type Logger } from '#observability'
import { claimAndWork } from './claim.ts'
import { type LoadedStore, loadStore } from './load-store.ts'
import type { Worker } from './worker.ts'

const ROUNDS_MAX = 6
// Short: with driver cluster the time from a worker's death to the next helm is 15 s, this and the fence.
const HELD_MS = 600
const TENANT_BUSY_MS = 1_000
const TENANT_BUSY_STEPS_MAX = 8
const YIELDED_MS = 500
const UNREADABLE_MS = 300_000
const UNAVAILABLE_MS = 2_000

/** What becomes of the message; undefined: the store is read again. */
type Result = 'ack' | { requeueAfterMs: number } | { firstStoreId: string } | undefined

/** Does what a message's store needs now, and settles the message. Never throws. */
export async function handleMessage(message: WorkMessage, worker: Worker): Promise<void> {
  const { storeId, correlationId, deliveries } = message
  const logger = worker.logger.child({ storeId, correlationId, deliveries })
  if (!isStoreId(storeId)) return message.park('the subject names no store')
  try {
    const result = await handleUntilSettled(message, worker, logger)
    if (result === 'ack') {
      if (!(await message.ack()))
        worker.limited('ack', (counted) => logger.warn(counted, 'The ack was not confirmed'))
    } else if ('firstStoreId' in result) {
      message.requeueAfter(jittered(YIELDED_MS))
      await handleMessage(hintOf(result.firstStoreId), worker)
    } else message.requeueAfter(result.requeueAfterMs)
  } catch (error) {
    const unreadable = hasCode(error, 'EVENT_UNREADABLE')
    if (unreadable) worker.metrics.unreadable.inc()
    const said = unreadable ? 'The stream is not readable' : 'The message could not be handled'
    worker.limited(`${said}: ${kindOfError(error)}`, (counted) =>
      logger.error({ err: error, ...counted }, said),
    )
    message.requeueAfter(jittered(unreadable ? UNREADABLE_MS : UNAVAILABLE_MS))
  }
}

async function handleUntilSettled(message: WorkMessage, worker: Worker, logger: Logger) {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = await loadStore(worker.eventStore, message.storeId)
    const result = await handleOnce(found, { message, worker, logger })
    if (result !== undefined) return result
    if (worker.stopping.aborted) return { requeueAfterMs: 0 }
  }
  return { requeueAfterMs: jittered(HELD_MS) }
}

async function handleOnce(
  { state, revision, cause }: LoadedStore,
  { message, worker, logger }: { message: WorkMessage; worker: Worker; logger: Logger },
): Promise<Result> {
  const kind = pendingWork(state)
  if (kind === undefined || state.status === 'absent' || cause === undefined) return 'ack'
  const held = openClaim(state)
  if (held === undefined && 'notBefore' in state && state.notBefore !== undefined) {
    const restMs = Date.parse(state.notBefore) - Date.parse(worker.now())
    if (restMs > 0) return { requeueAfterMs: restMs }
  }
  if (worker.stopping.aborted) return { requeueAfterMs: 0 }
  // Whose turn it is matters only where stores wait.
  if (held === undefined && (message.pending ?? 0) > 0) {
    const firstStoreId = await worker.turns.before(state.request.tenantId)
    if (firstStoreId !== undefined) return { firstStoreId }
  }
  using local = worker.tenantConcurrency.tryAcquire(state.request.tenantId)
  if (local === undefined) return tenantBusy(message)
  await using permit = await worker.globalConcurrency.tryAcquireFor(state.request.tenantId)
  if (permit === undefined) return tenantBusy(message)
  const before = held === undefined ? 'ended' : await statusOf(held, { message, worker })
  if (before === 'unknown' || before === 'held') return { requeueAfterMs: jittered(HELD_MS) }
  if (held !== undefined && before === 'silent') {
    worker.metrics.takeOvers.inc()
    const { worker: deadWorker, attempt } = held
    logger.warn({ deadWorker, attempt }, 'Taking over from a dead worker')
  }
  worker.turns.begin(state.request.tenantId)
  return await claimAndWork({
    request: wantedRequest(state),
    known: { state, revision },
    cause,
    kind,
    ...(held !== undefined && { takesOver: held.claimId, givenUp: before !== 'silent' }),
    message,
    worker,
    logger,
  })
}

/** To look at a store whose own message waits behind others. That message stays: it settles what this one leaves. */
const hintOf = (storeId: string): WorkMessage => ({
  storeId,
  subject: notifySubject(storeId),
  deliveries: 1,
  streamSequence: 0,
  working: async () => true,
  ack: async () => true,
  requeueAfter: () => {},
  park: () => {},
})

/** What is known of a claim's worker; `ended`: the worker is this process, and its work has ended. */
function statusOf(
  { claimId }: Claim,
  { message, worker }: { message: WorkMessage; worker: Worker },
): Promise<LeaseStatus | 'ended'> | 'ended' {
  if (worker.ended.has(claimId)) return 'ended'
  return worker.leases.statusOf(message.storeId, claimId)
}

/** The longer a store waits, the more stores wait beside it: each is tried less often. */
function tenantBusy({ deliveries }: WorkMessage): Result {
  return { requeueAfterMs: jittered(TENANT_BUSY_MS * Math.min(deliveries, TENANT_BUSY_STEPS_MAX)) }
}

/** A little more than `ms`, different for each message that waits. */
function jittered(ms: number): number {
  return Math.round(ms * (1 + 1.5 * Math.random()))
}

const isStoreId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
