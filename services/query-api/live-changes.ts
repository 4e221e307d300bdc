import { AppError } from '#domain'
import type { OpaqueIds } from '#http'
import type { Freshness } from './freshness.ts'
import type { ReadModels } from './read-models/connection.ts'
import { type ChangedStore, changedStores } from './read-models/list-stores.ts'

export interface LiveDependencies {
  models: ReadModels
  freshness: Freshness
  ids: OpaqueIds
  heartbeatMs: number
}

interface Subscription {
  /** `*`: of all. */
  tenantId: string
  /** Of this store alone. */
  storeId?: string | undefined
  /** Position of the last change the client has; `unknown` when its id is from before a reset or of another key. */
  last: bigint | 'unknown' | undefined
  signal: AbortSignal
}

const PAGE = 100

/**
 * The text of a stream of server-sent events. It holds a position, never a queue: rows are read when the
 * client is ready for them, and then show each store in its newest state. Only changes of the tenant's stores cause a read.
 */
export async function* liveChanges(
  { models, freshness, ids, heartbeatMs }: LiveDependencies,
  { tenantId, storeId, last, signal }: Subscription,
): AsyncGenerator<string> {
  using changesOfTenant = freshness.watch(tenantId)
  const current = await freshness.readPosition()
  const isKnown = typeof last === 'bigint' && last <= current
  let after = isKnown ? last : current
  const here = () => ids.freshTokenOf(after, tenantId)
  yield `retry: 2000\nid: ${here()}\nevent: open\ndata: {}\n\n`
  if (last !== undefined && !isKnown) yield reset(here())
  while (!signal.aborted) {
    const changes = await changedStores(models, { tenantId, storeId, after, limit: PAGE })
    for (const change of changes) yield message(ids.tokenOf(change.position, tenantId), change)
    after = changes.at(-1)?.position ?? after
    if (changes.length === PAGE) continue
    if (await changesOfTenant.changed(heartbeatMs, signal)) continue
    if (signal.aborted) return
    yield ': heartbeat\n\n'
    const position = await freshness.readPosition()
    if (position >= after) continue
    after = position
    yield reset(here())
  }
}

/** The client is ahead of the read models, so they were reset: what it holds is obsolete. */
const reset = (id: string) => `id: ${id}\nevent: reset\ndata: {}\n\n`

function message(id: string, { view }: ChangedStore): string {
  return `id: ${id}\nevent: store\ndata: ${JSON.stringify(view)}\n\n`
}

/** Counts the long answers to each tenant; the function it returns admits one more and returns its end. Throws RATE_LIMITED. */
export function admission({ perTenantMax, what }: { perTenantMax: number; what: string }) {
  const open = new Map<string, number>()
  return (tenantId: string): (() => void) => {
    const count = open.get(tenantId) ?? 0
    if (count >= perTenantMax)
      throw new AppError('RATE_LIMITED', `At most ${perTenantMax} ${what} at the same time`, {
        retryable: true,
      })
    open.set(tenantId, count + 1)
    return () => {
      const left = (open.get(tenantId) ?? 1) - 1
      if (left === 0) open.delete(tenantId)
      else open.set(tenantId, left)
    }
  }
}
