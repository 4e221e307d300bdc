import { excludeSystemEvents, START, type EventStoreDBClient } from '@eventstore/db-client'
import type { SubscriptionItem } from '../event-store.ts'
import { recordedEvent } from './recorded-event.ts'

const CHECKPOINT_INTERVAL = 32

interface Marker {
  /** Events that come before it. */
  behind: number
  item: SubscriptionItem
}

/** One subscription, until it fails, ends or is aborted. Marks stand exactly between the events they stood between. */
export async function* subscribeOnce(
  client: EventStoreDBClient,
  after: bigint | undefined,
  signal: AbortSignal,
): AsyncGenerator<SubscriptionItem> {
  const markers: Marker[] = []
  let taken = 0
  const mark = (item: SubscriptionItem) =>
    void markers.push({ behind: taken + subscription.readableLength, item })
  const subscription = client.subscribeToAll({
    fromPosition: after === undefined ? START : { commit: after, prepare: after },
    filter: excludeSystemEvents({
      checkpointInterval: CHECKPOINT_INTERVAL,
      checkpointReached: async (_subscription, position) => {
        mark({ checkpoint: position.commit })
        wake()
      },
    }),
  })
  let wake: () => void = () => undefined
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    wake()
  }
  const onAbort = () => fail(signal.reason)
  subscription
    .on('readable', () => wake())
    .on('caughtUp', () => {
      mark({ caughtUp: true })
      wake()
    })
    .on('error', fail)
    .on('end', () => fail(new Error('The subscription ended')))
    .on('close', () => fail(new Error('The subscription was closed')))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve
      })
      for (;;) {
        while (markers[0] && markers[0].behind <= taken) {
          const marker = markers.shift()
          if (marker) yield marker.item
        }
        if (failure !== undefined) throw failure
        const resolved = subscription.read()
        if (resolved === null) break
        taken++
        const event = recordedEvent(resolved)
        if (event) yield event
      }
      if (markers[0] && markers[0].behind <= taken) continue
      await changed
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    void subscription.unsubscribe().catch(() => undefined)
    subscription.destroy()
  }
}
