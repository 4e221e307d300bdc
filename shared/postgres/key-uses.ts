import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#observability'
import type { Pool } from './pool.ts'

interface RecordOptions {
  pool: Pool
  /** The uses since it was last asked: when each key was last used, by its id, in milliseconds since 1970. */
  take: () => ReadonlyMap<string, number>
  logger: Logger
  everyMs?: number
  /** What is still to be written then is written once more. */
  signal: AbortSignal
}

/** Writes which API keys were used, once a minute at most; what cannot be written is tried again with the next. */
export async function recordKeyUses(options: RecordOptions): Promise<void> {
  const { pool, take, logger, everyMs = 60_000, signal } = options
  const unwritten = new Map<string, number>()
  do {
    await wait(everyMs, undefined, { signal }).catch(() => {})
    for (const [id, usedAt] of take()) unwritten.set(id, usedAt)
    try {
      await write(pool, unwritten)
      unwritten.clear()
    } catch (err) {
      logger.warn({ err }, 'the uses of API keys cannot be written')
    }
  } while (!signal.aborted)
}

async function write(pool: Pool, uses: ReadonlyMap<string, number>): Promise<void> {
  if (uses.size === 0) return
  // In one order, so that two processes never wait for each other.
  const sorted = [...uses].toSorted(([one], [other]) => (one < other ? -1 : 1))
  await pool.query(
    `insert into key_uses (key_id, used_at) select * from unnest($1::text[], $2::timestamptz[])
     on conflict (key_id) do update set used_at = greatest(key_uses.used_at, excluded.used_at)`,
    [sorted.map(([id]) => id), sorted.map(([, usedAt]) => new Date(usedAt).toISOString())],
  )
}
