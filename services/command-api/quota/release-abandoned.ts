import { storeStream } from '#domain'
import type { EventStore } from '#eventstore'
import type { Context } from './tenant-quota.ts'
import type { TenantQueue } from './tenant-writer.ts'

const LOOK_AT_MAX = 20
const OLD_MS = 10 * 60_000

interface Dependencies {
  store: EventStore
  queue: TenantQueue
  now: () => Date
  context: Context
}

/** Slots whose store is known to exist, so that they are looked at once only. */
const confirmed = new WeakMap<TenantQueue, Set<string>>()

/**
 * Frees slots that a process reserved and then died over, before it stored what the slot was for. Looks at a bounded
 * number of the oldest; true when one was freed.
 */
export async function releaseAbandoned(dependencies: Dependencies): Promise<boolean> {
  const { queue, now } = dependencies
  const sure = confirmed.get(queue) ?? new Set()
  confirmed.set(queue, sure)
  const before = new Date(now().getTime() - OLD_MS).toISOString()
  const released = await Promise.all(
    oldest(queue, sure, before).map(async (storeId) => {
      if (await exists(dependencies.store, storeId)) return void sure.add(storeId)
      const at = now().toISOString()
      const command = { type: 'ReleaseSlot', storeId, reason: 'abandoned', now: at } as const
      return queue.handle(command, dependencies.context)
    }),
  )
  return released.some((events) => events !== undefined)
}

function oldest({ state }: TenantQueue, sure: Set<string>, before: string): string[] {
  return [...state.reserved]
    .filter(([storeId, reservedAt]) => reservedAt < before && !sure.has(storeId))
    .slice(0, LOOK_AT_MAX)
    .map(([storeId]) => storeId)
}

async function exists(store: EventStore, storeId: string): Promise<boolean> {
  for await (const _ of store.readStream(storeStream(storeId), { maxCount: 1 })) return true
  return false
}
