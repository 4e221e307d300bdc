import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import type { Logger } from '#observability'
import { connectionConfig } from './pool.ts'

/** Notified in every transaction that changes the read models; the payload is the new position. */
export const storeChangesChannel = 'store_changes'

const RETRY_MS = 1_000
const LOOK_EVERY_MS = 5_000

/**
 * Calls `onChange` after each commit of the projector with the position it reached, and with undefined after a
 * reconnect, when notices may have been missed. Reconnects until the signal is aborted; ends then.
 */
export async function watchStoreChanges(options: {
  url: string
  logger: Logger
  signal: AbortSignal
  onChange: (position: bigint | undefined) => void
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
  const { url, signal, onChange } = options
  const client = new Client({ ...connectionConfig(url), query_timeout: LOOK_EVERY_MS })
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  client.on('error', lost.reject)
  client.on('end', () => lost.reject(new Error('The connection ended')))
  client.on('notification', ({ payload }) => onChange(BigInt(payload ?? '0')))
  try {
    await client.connect()
    await client.query(`listen ${storeChangesChannel}`)
    onChange(undefined)
    while (!signal.aborted) {
      await Promise.race([wait(LOOK_EVERY_MS, undefined, { signal, ref: false }), lost.promise])
      // A dead peer says nothing; a query finds out.
      await client.query('select 1')
    }
  } finally {
    await client.end().catch(() => {})
  }
}
