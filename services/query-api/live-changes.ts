import { AppError } from '#domain'
import type { Freshness } from './freshness.ts'
import type { ReadModels } from './read-models/connection.ts'
import { type ChangedStore, changedStores } from './read-models/store-row.ts'

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
 * The text of a stream of server-sent events. It holds a position, never a queue: a slow client is read for when it is
 * ready, and then gets each store as it is by then.
 */
export async function* liveChanges(
  { models, freshness, heartbeatMs }: LiveDependencies,
  { tenantId, lastId, signal }: Subscription,
): AsyncGenerator<string> {
  let after = lastId ?? (await freshness.currentPosition())
  yield `retry: 2000\nid: ${after}\nevent: open\ndata: {}\n\n`
  while (!signal.aborted) {
    // Taken before the read, so that a change during it is not slept through.
    const seen = freshness.position()
    const changes = await changedStores(models, { tenantId, after, limit: PAGE })
    for (const change of changes) yield message(change)
    after = changes.at(-1)?.position ?? after
    if (changes.length === PAGE || freshness.position() !== seen) continue
    if (await freshness.changed(heartbeatMs, signal)) continue
    if (!signal.aborted) yield ': heartbeat\n\n'
  }
}

function message({ position, view }: ChangedStore): string {
  return `id: ${position}\nevent: store\ndata: ${JSON.stringify(view)}\n\n`
}

/** Counts what each tenant holds open; the function it returns admits one more and returns its end. Throws RATE_LIMITED. */
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
