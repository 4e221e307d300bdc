import { AppError } from '#domain'
import type { Freshness } from './freshness.ts'
import type { ReadModels } from './read-models/connection.ts'
import { type ChangedStore, changedStores } from './read-models/read-store.ts'

export interface LiveDependencies {
  models: ReadModels
  freshness: Freshness
  heartbeatMs: number
}

interface Subscription {
  tenantId: string
  /** Position of the last change the client has. */
  lastId: bigint | undefined
  signal: AbortSignal
}

const PAGE = 100

/**
 * The text of a stream of server-sent events. It holds a position, never a queue: rows are read when the
 * client is ready for them, and then show each store in its newest state. Only changes of the tenant's stores cause a read.
 */
export async function* liveChanges(
  { models, freshness, heartbeatMs }: LiveDependencies,
  { tenantId, lastId, signal }: Subscription,
): AsyncGenerator<string> {
  using changesOfTenant = freshness.watch(tenantId)
  const current = await freshness.readPosition()
  let after = lastId === undefined || lastId > current ? current : lastId
  yield `retry: 2000\nid: ${after}\nevent: open\ndata: {}\n\n`
  if (lastId !== undefined && lastId > current) yield reset(after)
  while (!signal.aborted) {
    const changes = await changedStores(models, { tenantId, after, limit: PAGE })
    for (const change of changes) yield message(change)
    after = changes.at(-1)?.position ?? after
    if (changes.length === PAGE) continue
    if (await changesOfTenant.changed(heartbeatMs, signal)) continue
    if (signal.aborted) return
    yield ': heartbeat\n\n'
    const position = await freshness.readPosition()
    if (position < after) yield reset((after = position))
  }
}

/** The client is ahead of the read models, so they were reset: what it holds is obsolete. */
const reset = (position: bigint) => `id: ${position}\nevent: reset\ndata: {}\n\n`

function message({ position, view }: ChangedStore): string {
  return `id: ${position}\nevent: store\ndata: ${JSON.stringify(view)}\n\n`
}

/** Counts the open streams of each tenant; the function it returns admits one more and returns its end. Throws RATE_LIMITED. */
export function admission({ perTenantMax }: { perTenantMax: number }) {
  const open = new Map<string, number>()
  return (tenantId: string): (() => void) => {
    const count = open.get(tenantId) ?? 0
    if (count >= perTenantMax)
      throw new AppError('RATE_LIMITED', `At most ${perTenantMax} streams at the same time`, {
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
