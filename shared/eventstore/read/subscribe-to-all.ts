import type { EventStoreDBClient } from '@eventstore/db-client'
import type { Logger } from '#observability'
import { setTimeout as wait } from 'node:timers/promises'
import type { SubscriptionItem } from '../event-store.ts'
import { subscribeOnce } from './subscription.ts'

const PAUSE_FIRST_MS = 50
const PAUSE_MAX_MS = 5_000

interface SubscribeOptions {
  client: EventStoreDBClient
  after: bigint | undefined
  signal: AbortSignal
  logger?: Logger | undefined
}

/** Follows the log behind `after`; reopens behind what was seen last, whatever ended it, and ends only on abort. */
export async function* subscribeToAll(options: SubscribeOptions): AsyncGenerator<SubscriptionItem> {
  const { client, signal, logger } = options
  let { after } = options
  let pauseMs = PAUSE_FIRST_MS
  while (!signal.aborted) {
    try {
      for await (const item of subscribeOnce(client, after, signal)) {
        pauseMs = PAUSE_FIRST_MS
        after = positionOf(item) ?? after
        yield item
      }
    } catch (error) {
      if (signal.aborted) return
      logger?.warn({ err: error, after: after?.toString(), pauseMs }, 'subscription lost')
    }
    const jitterMs = Math.random() * pauseMs
    await wait(pauseMs + jitterMs, undefined, { signal }).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
  }
}

function positionOf(item: SubscriptionItem): bigint | undefined {
  if ('checkpoint' in item) return item.checkpoint
  return 'position' in item ? item.position : undefined
}
