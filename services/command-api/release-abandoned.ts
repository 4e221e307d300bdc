import {
  isAbandoned,
  storeStream,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
} from '#domain'
import type { Aggregate, EventStore } from '#eventstore'
import type { RequestContext } from './routes/request.ts'

const STORES_READ_MAX = 20

export interface TenantQuota {
  aggregate: Aggregate<TenantState, TenantCommand, TenantEvent>
  /** Stores with a slot that are known to exist. */
  existing: Set<string>
}

interface ReleaseOptions {
  store: EventStore
  quota: TenantQuota
  now: () => Date
  context: RequestContext
}

/**
 * Releases slots whose process died before it stored the store. Reads a bounded number of stores, the oldest slots
 * first; true when a slot was released.
 */
export async function releaseAbandoned(options: ReleaseOptions): Promise<boolean> {
  const { store, quota, now, context } = options
  const at = now().toISOString()
  const { reserved } = await quota.aggregate.load()
  const released = await Promise.all(
    candidates(quota, reserved, at).map(async ([storeId, reservedAt]) => {
      if (await exists(store, storeId)) {
        quota.existing.add(storeId)
        return false
      }
      const command = { type: 'ReleaseSlot', storeId, reason: 'abandoned', now: at } as const
      const commandId = `release:${storeId}:${reservedAt}`
      const { events } = await quota.aggregate.handle(command, { ...context, commandId })
      return events.length > 0
    }),
  )
  return released.includes(true)
}

function candidates(
  { existing }: TenantQuota,
  reserved: TenantState['reserved'],
  now: string,
): [string, string][] {
  for (const storeId of existing) if (!reserved.has(storeId)) existing.delete(storeId)
  return [...reserved]
    .filter(([storeId, reservedAt]) => !existing.has(storeId) && isAbandoned(reservedAt, now))
    .slice(0, STORES_READ_MAX)
}

async function exists(store: EventStore, storeId: string): Promise<boolean> {
  for await (const _ of store.readStream(storeStream(storeId), { maxCount: 1 })) return true
  return false
}
