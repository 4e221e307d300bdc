import type { EventStore, RecordedEvent } from '#eventstore'

export interface FollowOptions {
  store: EventStore
  /** Follow the log from behind this position; undefined: from its beginning. */
  after: bigint | undefined
  /** Writes events; called again only after it has settled. */
  write: (events: RecordedEvent[]) => Promise<void>
  batchMax: number
  signal: AbortSignal
}

/**
 * Follows the log and passes its events on in order until the signal is aborted or a write fails. What arrives
 * during a write is the next batch: one event when it is quiet, `batchMax` when it is far behind; then reading waits.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { store, after, write, batchMax } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  let gathered: RecordedEvent[] = []
  let writing: Promise<void> | undefined
  const writeAll = async () => {
    while (gathered.length > 0 && !signal.aborted) {
      const batch = gathered
      gathered = []
      await write(batch)
    }
    // In the same turn as the last check of `gathered`, so that no event is left behind.
    writing = undefined
  }
  try {
    for await (const item of store.subscribeToAll({
      ...(after === undefined ? {} : { after }),
      signal,
    })) {
      if (!('id' in item)) continue
      gathered.push(item)
      if (writing === undefined) writing = writeAll().catch((error) => stop.abort(error))
      else if (gathered.length >= batchMax) await writing
    }
  } finally {
    await writing
  }
  stop.signal.throwIfAborted()
}
