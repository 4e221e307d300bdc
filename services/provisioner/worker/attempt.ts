import { decodeStoreEvent } from '#contracts'
import {
  hasCode,
  store,
  type StoreCommand,
  type StoreState,
  storeStream,
  type WorkKind,
} from '#domain'
import { type Folded, handleCommand } from '#eventstore'
import type { Logger } from '#observability'
import type { Target } from '../reconcile/driver.ts'
import { classifyError } from '../reconcile/failure-of.ts'
import { type Outcome, reconcile } from '../reconcile/reconcile.ts'
import type { HeldLease } from './lease.ts'
import { type Cause, loadStore } from './load-store.ts'
import { isLogUnavailable, retryAppend } from './retry-append.ts'
import { contextOf, type Worker } from './worker.ts'

export interface Attempt {
  worker: Worker
  target: Target
  kind: WorkKind
  number: number
  cause: Cause
  lease: HeldLease
  /** The store after the last event that this attempt has stored. */
  known: Folded<StoreState>
  logger: Logger
}

/** One claimed attempt from the fence to its stored result. Throws CLAIM_LOST and what the log throws. */
export async function runAttempt(attempt: Attempt): Promise<void> {
  const { kind, logger } = attempt
  const { attempts, duration } = attempt.worker.metrics
  const timed = duration.startTimer({ kind })
  let label = 'lost'
  try {
    const outcome = await workOf(attempt)
    logger.info({ outcome }, 'The attempt has ended')
    await write(attempt, 'result', await resultOf(attempt, outcome))
    label = labelOf(outcome)
  } finally {
    timed()
    attempts.inc({ kind, outcome: label })
  }
}

function labelOf(outcome: Outcome): string {
  if ('failure' in outcome) return 'failed'
  return outcome.done === 'deployed' && outcome.adopted ? 'adopted' : outcome.done
}

async function workOf(attempt: Attempt): Promise<Outcome> {
  const { worker, target, kind, number } = attempt
  const lease = { ...attempt.lease, attempt: number }
  let steps = 0
  try {
    await worker.driver.fence(target, lease)
    return await reconcile({
      driver: worker.driver,
      target,
      kind,
      lease,
      stopping: worker.stopping,
      record: (step, detail) => {
        attempt.logger.info({ step, ...detail }, 'Took a step')
        const { claimId } = lease
        const command = { type: 'RecordStep', claimId, step, detail, now: worker.now() } as const
        return write(attempt, `step:${steps++}`, command)
      },
    })
  } catch (error) {
    if (isLogUnavailable(error) || hasCode(error, 'CLAIM_LOST')) throw error
    attempt.logger.error({ err: error }, 'The attempt has failed')
    return { failure: classifyError(error) }
  }
}

async function resultOf(attempt: Attempt, outcome: Outcome): Promise<StoreCommand> {
  const { worker, target } = attempt
  const { claimId } = attempt.lease
  const now = worker.now()
  if ('failure' in outcome) {
    const { retryDelaysMs } = worker
    return { type: 'FailAttempt', claimId, failure: outcome.failure, retryDelaysMs, now }
  }
  if (outcome.done === 'removed') {
    const { state, removedBefore } = await loadStore(worker.eventStore, target.request.storeId)
    // Before the end of the store is stored: a message about a deleted store then needs nothing at all.
    if (state.status === 'deleting') await releaseSlot(attempt)
    return { type: 'CompleteUninstall', claimId, removed: removedBefore, now }
  }
  const { release, chart, values } = target
  return {
    type: 'CompleteProvisioning',
    claimId,
    release,
    namespace: release,
    url: values.url,
    chart: chart.name,
    chartVersion: chart.version,
    chartDigest: chart.digest,
    valuesDigest: values.digest,
    adopted: outcome.adopted,
    ...(outcome.smokeTest && { smokeTest: outcome.smokeTest }),
    now,
  }
}

function releaseSlot(attempt: Attempt): Promise<void> {
  const { worker, cause, target } = attempt
  const { storeId, tenantId } = target.request
  const slot = { storeId, now: worker.now() }
  const context = { ...contextOf(worker, cause, `${storeId}:slot-released`), tenantId }
  return retried(attempt, 'slot', () => worker.quotas.release(slot, context))
}

/**
 * Stores what has happened, with retries. The event ids are derived from the claim, so that an append whose
 * answer was lost is not done twice.
 */
async function write(attempt: Attempt, what: string, command: StoreCommand): Promise<void> {
  const { worker, target, cause, lease, known } = attempt
  const storing = {
    known,
    store: worker.eventStore,
    decider: store,
    decode: decodeStoreEvent,
    stream: storeStream(target.request.storeId),
    command,
    context: contextOf(worker, cause, `${lease.claimId}:${what}`),
    signal: lease.lost,
  }
  attempt.known = await retried(attempt, what, () => handleCommand(storing))
}

function retried<T>(
  { worker, lease, logger }: Attempt,
  what: string,
  append: () => Promise<T>,
): Promise<T> {
  return retryAppend(append, {
    lost: lease.lost,
    shutdownDeadline: worker.stopping,
    retryForMs: worker.resultRetryMs,
    onRetry: (err) => logger.warn({ err, what }, 'The event store did not accept it; trying again'),
  })
}
