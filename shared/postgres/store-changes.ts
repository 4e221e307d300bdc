import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { z } from 'zod'
import type { Logger } from '#observability'
import { connectionConfig, watchShutdown } from './pool.ts'

/** Notified in every transaction that changes the read models; the payload is a StoreChange. */
export const storeChangesChannel = 'store_changes'

/** What a commit of the projector did. */
export interface StoreChange {
  /** Position in the log that the read models have reached. */
  position: bigint
  /** Tenants whose stores changed; undefined: any may have. */
  tenants?: readonly string[] | undefined
}

/** PostgreSQL refuses a payload of 8,000 bytes. */
const PAYLOAD_MAX = 7_900

/** The payload for a change; one with too many tenants names none, so that all listeners read. */
export function notificationOf(change: {
  position: bigint
  tenants?: Iterable<string> | undefined
}): string {
  const position = String(change.position)
  const tenants = change.tenants === undefined ? undefined : [...change.tenants]
  const payload = JSON.stringify({ position, tenants })
  return Buffer.byteLength(payload) <= PAYLOAD_MAX ? payload : JSON.stringify({ position })
}

const notification = z.object({
  position: z.string().regex(/^\d+$/).transform(BigInt),
  tenants: z.array(z.string()).optional(),
})

/** The change a payload names; undefined for one that was not written by a projector. */
function changeOf(payload: string): StoreChange | undefined {
  try {
    return notification.parse(JSON.parse(payload))
  } catch {
    return undefined
  }
}

const RETRY_MS = 1_000
const LOOK_EVERY_MS = 5_000

/**
 * Calls `onChange` after each commit of the projector, and with undefined after a reconnect, when notifications may
 * have been missed. Reconnects until the signal is aborted.
 */
export async function watchStoreChanges(options: {
  url: string
  logger: Logger
  signal: AbortSignal
  onChange: (change: StoreChange | undefined) => void
  /** How often a new connection shows whether PostgreSQL is shutting down. */
  probeEveryMs?: number
}): Promise<void> {
  const { logger, signal } = options
  while (!signal.aborted) {
    try {
      await listen(options)
    } catch (err) {
      if (!signal.aborted) logger.warn({ err }, 'store changes cannot be watched; trying again')
    }
    await wait(RETRY_MS, undefined, { signal }).catch(() => {})
  }
}

async function listen(options: Parameters<typeof watchStoreChanges>[0]): Promise<void> {
  const { url, signal, onChange, probeEveryMs } = options
  const client = new Client({ ...connectionConfig(url), query_timeout: LOOK_EVERY_MS })
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('The connection ended')))
  client.on('notification', ({ payload }) => onChange(changeOf(payload ?? '')))
  const ended = new AbortController()
  try {
    await client.connect()
    void watchShutdown({
      url,
      everyMs: probeEveryMs,
      signal: AbortSignal.any([signal, ended.signal]),
      onShutdown: lost.reject,
    })
    await client.query(`listen ${storeChangesChannel}`)
    onChange(undefined)
    while (!signal.aborted) {
      await Promise.race([wait(LOOK_EVERY_MS, undefined, { signal, ref: false }), lost.promise])
      // A dead peer sends nothing; a query detects it.
      await client.query('select 1')
    }
  } finally {
    ended.abort()
    await client.end().catch(() => {})
  }
}
