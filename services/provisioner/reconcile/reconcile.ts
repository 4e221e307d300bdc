import { setTimeout as wait } from 'node:timers/promises'
import type { Failure, PlacedOrder, StepDetail, WorkKind } from '#domain'
import type { Ended } from '../helm/run-supervised.ts'
import { refuseUnsafeText } from '../values.ts'
import type { ClaimLease, Driver, ObservedRelease, ReleaseLabels, Target } from './driver.ts'
import { classifyRun, stillUninstalling, workerStopped } from './failure-of.ts'
import { nextStep, type Step } from './next-step.ts'

export interface Job {
  driver: Driver
  target: Target
  kind: WorkKind
  lease: ClaimLease
  /** Aborted when this process is to end: no further step is begun. */
  stopping: AbortSignal
  /** Stores what was done in the store's stream. */
  record: (step: string, detail: StepDetail) => Promise<void>
}

export type Outcome =
  | { done: 'deployed'; adopted: boolean; orderCheck?: PlacedOrder }
  | { done: 'removed' }
  | { failure: Failure }

const OBSERVE_TIMEOUT_MS = 30_000
const WAIT_MS = 1_000
const WAITS_MAX = 120

/**
 * Looks at the release, takes the one step it asks for, looks again, until the work is done or a step has
 * had no effect. No step is taken twice, and none without the lease. Throws CLAIM_LOST.
 */
export async function reconcile(job: Job): Promise<Outcome> {
  const { driver, target, kind, lease, stopping } = job
  const wanted = { kind, values: target.values.digest, chart: target.chart.digest }
  const taken = new Map<Step, Ended | undefined>()
  for (let waits = 0; ;) {
    const observed = await driver.observe(target, AbortSignal.timeout(OBSERVE_TIMEOUT_MS))
    const next = nextStep(wanted, observed)
    if ('failure' in next) return next
    if ('done' in next) return finish(job, next.done, { observed, ran: taken.size > 0 })
    await lease.confirm()
    if (stopping.aborted) return { failure: workerStopped }
    const { step } = next
    if (step === 'wait') {
      if (++waits > WAITS_MAX) return { failure: stillUninstalling(observed) }
      await wait(WAIT_MS, undefined, { signal: lease.signal }).catch(() => {})
      continue
    }
    if (taken.has(step) || (deploys(step) && [...taken.keys()].some(deploys)))
      return { failure: await causeOf(job, lastRun(taken), observed) }
    taken.set(step, await take(step, job))
  }
}

async function take(step: Exclude<Step, 'wait'>, job: Job): Promise<Ended | undefined> {
  const { driver, target, lease, record } = job
  switch (step) {
    case 'install':
    case 'upgrade': {
      refuseUnsafeText(target.request)
      const ended = await driver.deploy(target, lease)
      await record(step, runDetail(ended, target))
      return ended
    }
    case 'repair':
      await record(step, { release: target.release })
      await driver.repair(target, lease)
      return undefined
    case 'uninstall': {
      // Recorded first: what is gone cannot be listed any more.
      const removed = await driver.inventory(target, lease.signal)
      await record(step, { release: target.release, removed: removed.join('\n') })
      await driver.uninstall(target, lease)
      return undefined
    }
  }
}

// One run of helm an attempt: the next has the back-off before it.
const deploys = (step: Step): boolean => step === 'install' || step === 'upgrade'

function runDetail(ended: Ended, { release, chart, values }: Target): StepDetail {
  const { code, signal, reason, durationMs } = ended
  return {
    release,
    chart: chart.name,
    chartVersion: chart.version,
    chartDigest: chart.digest,
    valuesDigest: values.digest,
    ended: reason ?? 'EXITED',
    ...(code === null ? {} : { exitCode: code }),
    ...(signal === null ? {} : { signal }),
    durationMs,
  }
}

/** Helm that succeeded knows of no cause, and neither does the cluster. */
async function causeOf(
  { driver, target, lease }: Job,
  ended: Ended | undefined,
  observed: ObservedRelease,
): Promise<Failure> {
  if (driver.explain === undefined || ended === undefined || ended.code === 0)
    return classifyRun(ended, observed)
  const failure = await driver.explain(target, ended, lease.signal)
  // A look that was cut off has seen nothing.
  return lease.signal.aborted ? workerStopped : failure
}

async function finish(
  job: Job,
  done: 'deployed' | 'removed',
  { observed, ran }: { observed: ObservedRelease; ran: boolean },
): Promise<Outcome> {
  if (done === 'removed' || observed.status !== 'deployed') return { done: 'removed' }
  const adopted = observed.labels.claim !== job.lease.claimId
  if (adopted && !ran) await job.record('adopt', adoptDetail(observed.labels))
  const proof = await proveSale(job)
  return 'failure' in proof ? proof : { done, adopted, ...proof }
}

function adoptDetail({ attempt, claim, values, chart }: ReleaseLabels): StepDetail {
  return { madeByAttempt: attempt, madeByClaim: claim, valuesDigest: values, chartDigest: chart }
}

function lastRun(taken: ReadonlyMap<Step, Ended | undefined>): Ended | undefined {
  return [...taken.values()].findLast((ended) => ended !== undefined)
}

/**
 * Proves that a store sells, where its driver can, and records it: ready means sold. In a new store an order
 * is placed. One that was ready before is its owner's: after an upgrade a customer goes through it as far as
 * the till, and nothing is ordered. Throws ORDER_CHECK_FAILED.
 */
async function proveSale(job: Job): Promise<{ orderCheck?: PlacedOrder } | { failure: Failure }> {
  const { driver, kind, lease, stopping } = job
  const prove = kind === 'upgrade' ? driver.walk && walk : driver.check && order
  if (prove === undefined) return {}
  await lease.confirm()
  if (stopping.aborted) return { failure: workerStopped }
  try {
    return await prove(job, AbortSignal.any([lease.signal, stopping]))
  } catch (error) {
    // What the shop did not answer then says nothing about it.
    if (lease.signal.aborted || stopping.aborted) return { failure: workerStopped }
    throw error
  }
}

async function order({ driver, target, record }: Job, signal: AbortSignal) {
  const orderCheck = await driver.check?.(target, signal)
  if (orderCheck === undefined) return {}
  await record('order-check', { ...orderCheck })
  return { orderCheck }
}

async function walk({ driver, target, record }: Job, signal: AbortSignal) {
  const walked = await driver.walk?.(target, signal)
  if (walked !== undefined) await record('shop-check', { ...walked })
  return {}
}
