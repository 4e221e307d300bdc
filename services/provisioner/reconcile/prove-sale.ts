import type { Failure, PlacedOrder } from '#domain'
import { workerStopped } from './classify.ts'
import type { Job } from './reconcile.ts'

/**
 * Proves that a store sells, where its driver can, and records it: ready means sold. In a new store an order
 * is placed. One that was ready before is its owner's: after an upgrade a customer goes through it as far as
 * the till, and nothing is ordered. Throws ORDER_CHECK_FAILED.
 */
export async function proveSale(
  job: Job,
): Promise<{ orderCheck?: PlacedOrder } | { failure: Failure }> {
  const { driver, kind, licence, stopping } = job
  const prove = kind === 'upgrade' ? driver.walk && walk : driver.check && order
  if (prove === undefined) return {}
  await licence.confirm()
  if (stopping.aborted) return { failure: workerStopped }
  try {
    return await prove(job, AbortSignal.any([licence.signal, stopping]))
  } catch (error) {
    // What the shop did not answer then says nothing about it.
    if (licence.signal.aborted || stopping.aborted) return { failure: workerStopped }
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
