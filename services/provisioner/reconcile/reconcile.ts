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
  | { done: 'deployed'; adopted: boolean; smokeTest?: PlacedOrder }
  | { done: 'removed' }
  | { failure: Failure }

const WAIT_MS = 1_000
const WAITS_MAX = 120

/**
 * Observes the release, takes the one step it needs, observes again, until the work is done or a step has
 * had no effect. No step is taken twice, and none without the lease. Throws CLAIM_LOST.
 */
export async function reconcile(job: Job): Promise<Outcome> {
  const { driver, target, kind, lease, stopping } = job
  const wanted = { kind, values: target.values.digest, chart: target.chart.digest }
  const taken = new Map<Step, Ended | undefined>()
  for (let waits = 0; ;) {
    const observed = await driver.observe(target)
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
    case 'unlock':
      await record(step, { release: target.release })
      await driver.unlock(target, lease)
      return undefined
    case 'uninstall': {
      // Recorded first: what is gone cannot be listed any more.
      const removed = await driver.inventory(target)
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
  if (driver.diagnose === undefined || ended === undefined || ended.code === 0)
    return classifyRun(ended, observed)
  const failure = await driver.diagnose(target, ended, lease.signal)
  // A diagnosis that was cut off has seen nothing.
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
  const proven = await prove(job)
  return 'failure' in proven ? proven : { done, adopted, ...proven }
}

function adoptDetail({ attempt, claim, values, chart }: ReleaseLabels): StepDetail {
  return { madeByAttempt: attempt, madeByClaim: claim, valuesDigest: values, chartDigest: chart }
}

function lastRun(taken: ReadonlyMap<Step, Ended | undefined>): Ended | undefined {
  return [...taken.values()].findLast((ended) => ended !== undefined)
}

/** Ready means reached and sold. Throws ROUTE_NOT_ACCEPTED, SMOKE_TEST_FAILED. */
async function prove(job: Job): Promise<{ smokeTest?: PlacedOrder } | { failure: Failure }> {
  const { driver, target, lease, record } = job
  const signal = AbortSignal.any([lease.signal, job.stopping])
  try {
    const route = await driver.confirmRoute?.(target, lease, signal)
    if (route !== undefined) await record('route', route)
    return await runSmokeTest(job, signal)
  } catch (error) {
    // What was not answered then says nothing about the store.
    if (signal.aborted) return { failure: workerStopped }
    throw error
  }
}

/**
 * Tests that a store sells, where its driver can, and records it. In a new store an order is placed. One that was
 * ready before belongs to its owner: after an upgrade the test browses to the checkout and orders nothing.
 */
async function runSmokeTest(
  job: Job,
  signal: AbortSignal,
): Promise<{ smokeTest?: PlacedOrder } | { failure: Failure }> {
  const { driver, kind, lease, stopping } = job
  const test =
    kind === 'upgrade'
      ? driver.browseToCheckout && browseToCheckout
      : driver.placeOrder && placeOrder
  if (test === undefined) return {}
  await lease.confirm()
  if (stopping.aborted) return { failure: workerStopped }
  return test(job, signal)
}

async function placeOrder({ driver, target, record }: Job, signal: AbortSignal) {
  const smokeTest = await driver.placeOrder?.(target, signal)
  if (smokeTest === undefined) return {}
  await record('smoke-test', { ...smokeTest })
  return { smokeTest }
}

async function browseToCheckout({ driver, target, record }: Job, signal: AbortSignal) {
  const browsed = await driver.browseToCheckout?.(target, signal)
  if (browsed !== undefined) await record('browse-to-checkout', { ...browsed })
  return {}
}
