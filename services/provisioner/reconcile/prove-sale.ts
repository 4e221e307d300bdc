import type { Failure, PlacedOrder } from '#domain'
import { workerStopped } from './classify.ts'
import type { Job } from './reconcile.ts'

/**
 * Places an order in a store that was just installed, where its driver can, and records it: ready means
 * sold. A store that was sold in before is its owner's: nothing is ordered there. Throws ORDER_CHECK_FAILED.
 */
export async function proveSale(
  job: Job,
): Promise<{ orderCheck?: PlacedOrder } | { failure: Failure }> {
  const { driver, target, kind, licence, stopping, record } = job
  if (driver.check === undefined || kind !== 'install') return {}
  await licence.confirm()
  if (stopping.aborted) return { failure: workerStopped }
  try {
    const orderCheck = await driver.check(target, AbortSignal.any([licence.signal, stopping]))
    await record('order-check', { ...orderCheck })
    return { orderCheck }
  } catch (error) {
    // What the shop did not answer then says nothing about it.
    if (licence.signal.aborted || stopping.aborted) return { failure: workerStopped }
    throw error
  }
}
