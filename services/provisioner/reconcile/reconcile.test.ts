import { AppError, type Failure } from '#domain'
import { sampleTarget } from '#test/provisioner/sample-target'
import { expect, test } from 'vitest'
import type { Ended } from '../helm/run-supervised.ts'
import type { Driver, ObservedRelease } from './driver.ts'
import { reconcile, type Job } from './reconcile.ts'

const ended: Ended = { code: 0, signal: null, stderr: '', durationMs: 5 }
const order = { orderId: '12', cancelled: false, requests: 8, durationMs: 900 }
const { request, values, chart } = sampleTarget
const labels = {
  store: request.storeId,
  attempt: 1,
  claim: 'mine',
  values: values.digest,
  chart: chart.digest,
}
const ending: ObservedRelease = { status: 'uninstalling', by: 'namespace', detail: '' }
const deployed: ObservedRelease = { status: 'deployed', labels }

test('a release left pending by a powerless claim is unlocked, then installed', async () => {
  const { job, steps } = jobSeeing([{ status: 'pending', labels }, { status: 'absent' }, deployed])
  expect(await reconcile(job)).toEqual({ done: 'deployed', adopted: false })
  expect(steps).toEqual(['unlock', 'install'])
})

test('what another attempt has made as wanted is adopted without helm', async () => {
  const made = { ...labels, claim: 'theirs' }
  const { job, steps } = jobSeeing([{ status: 'deployed', labels: made }])
  expect(await reconcile(job)).toEqual({ done: 'deployed', adopted: true })
  expect(steps).toEqual(['adopt'])
})

test('a step without effect is not taken twice in one attempt', async () => {
  const { job, steps } = jobSeeing([{ status: 'absent' }, { status: 'absent' }])
  expect(await reconcile(job)).toMatchObject({ failure: { reason: 'HELM_FAILED' } })
  expect(steps).toEqual(['install'])
})

test('a release that helm left failed is not tried again in the same attempt', async () => {
  const failed: ObservedRelease = { status: 'failed', detail: '' }
  const { job, steps } = jobSeeing([{ status: 'absent' }, failed, deployed], { ...ended, code: 1 })
  expect(await reconcile(job)).toMatchObject({ failure: { reason: 'HELM_FAILED' } })
  expect(steps).toEqual(['install'])
})

test('a failed exit of helm counts for nothing when the release is as wanted', async () => {
  const { job } = jobSeeing([{ status: 'absent' }, deployed], { ...ended, code: 1 })
  expect(await reconcile(job)).toMatchObject({ done: 'deployed' })
})

test('a removal lists what it will remove before it removes it', async () => {
  const { job, steps } = jobSeeing([deployed, { status: 'absent' }])
  expect(await reconcile({ ...job, kind: 'uninstall' })).toEqual({ done: 'removed' })
  expect(steps).toEqual(['uninstall'])
})

test('no step is begun when the process is to end', async () => {
  const { job, steps } = jobSeeing([{ status: 'absent' }])
  const stopped = { ...job, stopping: AbortSignal.abort() }
  expect(await reconcile(stopped)).toMatchObject({ failure: { reason: 'WORKER_STOPPED' } })
  expect(steps).toEqual([])
})

test('a release somebody else is removing is waited for', async () => {
  const { job, steps } = jobSeeing([ending, { status: 'absent' }, deployed])
  expect(await reconcile(job)).toMatchObject({ done: 'deployed' })
  expect(steps).toEqual(['install'])
})

const diagnosed: Failure = {
  reason: 'IMAGE_PULL',
  retryable: false,
  detail: 'not found',
  nextAction: 'Correct the image',
}

test('where the driver can tell why helm failed, it does', async () => {
  const seen: ObservedRelease[] = [{ status: 'absent' }, { status: 'failed', detail: '' }]
  const { job } = jobSeeing(seen, { ...ended, code: 1 })
  const driver = { ...job.driver, diagnose: () => Promise.resolve(diagnosed) }
  expect(await reconcile({ ...job, driver })).toEqual({ failure: diagnosed })
})

test('a diagnosis that was cut off gives no cause', async () => {
  const seen: ObservedRelease[] = [{ status: 'absent' }, { status: 'failed', detail: '' }]
  const { job } = jobSeeing(seen, { ...ended, code: 1 })
  const stop = new AbortController()
  const diagnose = () => {
    stop.abort()
    return Promise.resolve(diagnosed)
  }
  const lease = { ...job.lease, signal: stop.signal }
  const cut = { ...job, lease, driver: { ...job.driver, diagnose } }
  expect(await reconcile(cut)).toMatchObject({ failure: { reason: 'WORKER_STOPPED' } })
})

test('a store is ready with the order that was placed in it, and the order is a step', async () => {
  const { job, steps } = jobSeeing([{ status: 'absent' }, deployed])
  const driver = { ...job.driver, placeOrder: () => Promise.resolve(order) }
  const outcome = await reconcile({ ...job, driver })
  expect(outcome).toEqual({ done: 'deployed', adopted: false, smokeTest: order })
  expect(steps).toEqual(['install', 'smoke-test'])
})

test('a store in which no order can be placed is not ready', async () => {
  const { job, steps } = jobSeeing([deployed])
  const refused = new AppError('SMOKE_TEST_FAILED', 'POST /checkout was answered with 500')
  const driver = { ...job.driver, placeOrder: () => Promise.reject(refused) }
  await expect(reconcile({ ...job, driver })).rejects.toBe(refused)
  expect(steps).toEqual([])
})

test('after an upgrade the smoke test browses to the checkout and places no order', async () => {
  const { job, steps } = jobSeeing([deployed])
  const placeOrder = () => Promise.reject(new Error('ordered'))
  const browseToCheckout = () => Promise.resolve({ requests: 5, durationMs: 300 })
  const outcome = await reconcile({
    ...job,
    kind: 'upgrade',
    driver: { ...job.driver, placeOrder, browseToCheckout },
  })
  expect(outcome).toEqual({ done: 'deployed', adopted: false })
  expect(steps).toEqual(['browse-to-checkout'])
})

test('an upgrade after which the shop does not work has failed', async () => {
  const { job } = jobSeeing([deployed])
  const refused = new AppError('SMOKE_TEST_FAILED', 'GET / was answered with 500')
  const driver = { ...job.driver, browseToCheckout: () => Promise.reject(refused) }
  await expect(reconcile({ ...job, kind: 'upgrade', driver })).rejects.toBe(refused)
})

test('an upgrade where nothing runs is done when the release is', async () => {
  const { job, steps } = jobSeeing([deployed])
  const driver = { ...job.driver, placeOrder: () => Promise.resolve(order) }
  const outcome = await reconcile({ ...job, kind: 'upgrade', driver })
  expect(outcome).toEqual({ done: 'deployed', adopted: false })
  expect(steps).toEqual([])
})

test('no order is begun when the process is to end', async () => {
  const { job } = jobSeeing([deployed])
  const driver = { ...job.driver, placeOrder: () => Promise.reject(new Error('asked')) }
  const stopped = { ...job, driver, stopping: AbortSignal.abort() }
  expect(await reconcile(stopped)).toMatchObject({ failure: { reason: 'WORKER_STOPPED' } })
})

test('an order that the end of the process cuts off says nothing about the shop', async () => {
  const { job } = jobSeeing([deployed])
  const stop = new AbortController()
  const placeOrder = (_: unknown, signal: AbortSignal) => {
    stop.abort()
    return Promise.reject(signal.reason)
  }
  const stopped = { ...job, driver: { ...job.driver, placeOrder }, stopping: stop.signal }
  expect(await reconcile(stopped)).toMatchObject({ failure: { reason: 'WORKER_STOPPED' } })
})

/** A job whose release is seen as each of `seen` in turn. */
function jobSeeing(seen: ObservedRelease[], run = ended): { job: Job; steps: string[] } {
  const steps: string[] = []
  let observations = 0
  const nothing = () => Promise.resolve()
  const driver: Driver = {
    observe: () => Promise.resolve(seen[observations++] ?? { status: 'absent' }),
    fence: nothing,
    deploy: () => Promise.resolve(run),
    unlock: nothing,
    inventory: () => Promise.resolve(['Deployment/x']),
    uninstall: nothing,
  }
  const deadline = () => process.hrtime.bigint() + 10n ** 10n
  const { signal } = new AbortController()
  const job: Job = {
    driver,
    target: sampleTarget,
    kind: 'install',
    lease: { attempt: 1, claimId: 'mine', signal, deadline, confirm: nothing },
    stopping: signal,
    record: (step) => Promise.resolve(void steps.push(step)),
  }
  return { job, steps }
}
