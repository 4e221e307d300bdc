import { randomUUID } from 'node:crypto'
import { decodeStoreEvent } from '#contracts'
import {
  hasCode,
  openClaim,
  pendingWork,
  releaseNameOf,
  store,
  type StoreRequested,
  type StoreState,
  storeStream,
  wantedRequest,
  type WorkKind,
} from '#domain'
import { type Folded, handleCommand } from '#eventstore'
import type { WorkMessage } from '#messaging'
import type { Logger } from '#observability'
import { type Chart, readChart, unreadableChart } from '../chart.ts'
import type { Target } from '../reconcile/driver.ts'
import { storeValues } from '../values.ts'
import { runAttempt } from './attempt.ts'
import { acquireLease } from './lease.ts'
import { type Cause, isClaimCurrent } from './load-store.ts'
import { isLogUnavailable } from './retry-append.ts'
import { contextOf, type Worker } from './worker.ts'

export interface Work {
  request: StoreRequested
  /** The store as the request was read from it. */
  known: Folded<StoreState>
  kind: WorkKind
  cause: Cause
  /** The open claim that is taken over. */
  takesOver?: string
  /** Its worker is alive, and has ended the work for it. */
  givenUp?: boolean
  message: WorkMessage
  worker: Worker
  logger: Logger
}

interface Claimed {
  attempt: number
  /** Of the claim. */
  revision: bigint
  /** The store after it. */
  known: Folded<StoreState>
}

const overtaken = [
  'CLAIM_HELD',
  'CONCURRENT_MODIFICATION',
  'NOTHING_TO_PROVISION',
  'RETRY_NOT_DUE',
] as const
const CLAIM_TRIES = 2
const BUSY_MS = 1_000

/**
 * Claims the store and works on it while the lease is kept. The lease is shown before the claim can be
 * seen, so a claim without one is proof that its worker is gone. Undefined: the store must be read again.
 */
export async function claimAndWork(work: Work): Promise<{ requeueAfterMs: number } | undefined> {
  const { worker, message, request } = work
  const { storeId } = request
  const claimId = randomUUID()
  let claim: Claimed | undefined
  const lease = await acquireLease({
    claimId,
    renew: async () => {
      const [kept] = await Promise.all([worker.leases.renew(storeId, claimId), message.working()])
      return kept
    },
    isCurrent: async () =>
      claim === undefined || (await isClaimCurrent(worker.eventStore, storeId, claim)),
    shutdownDeadline: worker.stopping,
    retryForMs: worker.resultRetryMs,
    ...worker.lease,
  })
  if (lease === undefined) return { requeueAfterMs: BUSY_MS }
  try {
    const target = await targetOf(work)
    claim = await claimStore(work, target, claimId)
    if (claim === undefined) return undefined
    const { attempt: number, known } = claim
    const logger = work.logger.child({ claimId, attempt: number, kind: work.kind })
    logger.info({ worker: worker.workerId }, 'Claimed the store')
    await runAttempt({ ...work, target, number, known, lease, logger })
    return undefined
  } catch (error) {
    // A renewal that came after the release would make the claim look alive.
    await lease.close()
    // The next worker need not wait for the lease to expire.
    await worker.leases.release(storeId, claimId)
    return withoutResult(work, claimId, error)
  } finally {
    await lease.close()
    // Nothing runs for this claim any more, whatever the log says of it.
    worker.ended.add(claimId)
  }
}

function withoutResult({ logger }: Work, claimId: string, error: unknown) {
  if (hasCode(error, 'CLAIM_LOST')) {
    logger.warn({ err: error, claimId }, 'The claim was lost; its result is dropped')
    return undefined
  }
  if (hasCode(error, ...overtaken)) {
    logger.info({ claimId, reason: error.code }, 'Another worker was first')
    return { requeueAfterMs: BUSY_MS }
  }
  throw error
}

async function targetOf(work: Work): Promise<Target> {
  const { worker, request } = work
  const release = releaseNameOf(request.storeId)
  const chart = await chartOf(work)
  return { request, release, chart, values: storeValues(request, release, worker.installation) }
}

// A chart that cannot be read fails the attempt like any other cause, and hinders no removal.
async function chartOf({ worker, request, logger }: Work): Promise<Chart> {
  const { chartsDir } = worker
  return readChart(chartsDir, request.engine).catch((err: unknown) => {
    logger.error({ err }, 'The chart cannot be read')
    return unreadableChart(chartsDir, request.engine)
  })
}

/** Appends the claim, with the same id when the first outcome is unknown. Undefined: there is nothing to work on. */
async function claimStore(
  work: Work,
  target: Target,
  claimId: string,
): Promise<Claimed | undefined> {
  const { worker, request, known, cause, takesOver, givenUp } = work
  for (let tries = 1; ; tries++) {
    try {
      const handled = await handleCommand({
        // What was known before the first try does not show whether that one landed and was overtaken.
        known: tries === 1 ? known : undefined,
        store: worker.eventStore,
        decider: store,
        decode: decodeStoreEvent,
        stream: storeStream(request.storeId),
        command: {
          type: 'ClaimStore',
          worker: worker.workerId,
          claimId,
          ...(takesOver !== undefined && { takesOver }),
          ...(givenUp === true && { givenUp }),
          valuesDigest: target.values.digest,
          chartDigest: target.chart.digest,
          now: worker.now(),
        },
        context: contextOf(worker, cause, claimId),
      })
      const { state, revision } = handled
      // A claim that landed in an earlier try may have been overtaken since.
      const mine = openClaim(state)?.claimId === claimId && isStillAsked(state, work)
      if (!mine || revision === 'no_stream') return undefined
      return { attempt: openClaim(state)?.attempt ?? 0, revision, known: handled }
    } catch (error) {
      if (tries === CLAIM_TRIES || !isLogUnavailable(error)) throw error
    }
  }
}

// Another plan may have been requested since the store was read: the claim is then for other work.
function isStillAsked(state: StoreState, { kind, request }: Work): boolean {
  if (state.status === 'absent' || pendingWork(state) !== kind) return false
  return wantedRequest(state).plan === request.plan
}
