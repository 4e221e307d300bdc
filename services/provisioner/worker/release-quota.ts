import { decodeTenantEvent } from '#contracts'
import { type StoreState, tenant, tenantStream } from '#domain'
import { handleCommand } from '#eventstore'
import { contextOf } from './attempt.ts'
import type { Cause } from './load-store.ts'
import type { Worker } from './worker.ts'

/** Gives a deleted store's place back to its tenant; done before, it changes nothing. */
export async function releaseSlot(
  worker: Worker,
  { request }: Extract<StoreState, { status: 'deleted' }>,
  cause: Cause,
): Promise<void> {
  const { storeId, tenantId } = request
  await handleCommand({
    store: worker.eventStore,
    decider: tenant,
    decode: decodeTenantEvent,
    stream: tenantStream(tenantId),
    command: { type: 'ReleaseSlot', storeId, reason: 'deleted', now: worker.now() },
    context: contextOf(worker, cause, `${storeId}:slot-released`),
  })
}
