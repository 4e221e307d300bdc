import { decodeTenantEvent } from '#contracts'
import { tenant, tenantStream } from '#domain'
import { handleCommand } from '#eventstore'
import type { Target } from '../reconcile/driver.ts'
import type { Cause } from './load-store.ts'
import { contextOf, type Worker } from './worker.ts'

/** Releases the slot that a deleted store has taken of its tenant's quota; doing it again changes nothing. */
export async function releaseSlot({
  worker,
  target,
  cause,
}: {
  worker: Worker
  target: Target
  cause: Cause
}): Promise<void> {
  const { storeId, tenantId } = target.request
  await handleCommand({
    store: worker.eventStore,
    decider: tenant,
    decode: decodeTenantEvent,
    stream: tenantStream(tenantId),
    command: { type: 'ReleaseSlot', storeId, reason: 'deleted', now: worker.now() },
    context: contextOf(worker, cause, `${storeId}:slot-released`),
  })
}
