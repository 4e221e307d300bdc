import type { Freshness } from '../freshness/freshness.ts'
import { changedStores, type ChangedStore } from '../reads/changed-stores.ts'
import type { ReadModels } from '../reads/read-models.ts'

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
