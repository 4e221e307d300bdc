import { setTimeout as wait } from 'node:timers/promises'
import { connectMessaging, ensureTopology, type Messaging, type WorkTimings } from '#messaging'
import type { Logger } from '#observability'

const AGAIN_MS = 1_000

export interface BusOptions {
  url: string
  name: string
  timings: WorkTimings
  logger: Logger
  signal: AbortSignal
  /** Called when the connection has ended for good. */
  onClosed: (error: Error) => void
}

/** Connects and makes what is missing in JetStream, however long that takes; undefined when told to stop. */
export async function openBus(options: BusOptions): Promise<Messaging | undefined> {
  const { timings, logger, signal } = options
  const messaging = await connectMessaging(options).catch((error: unknown) => {
    if (signal.aborted) return undefined
    throw error
  })
  if (messaging === undefined) return undefined
  while (!signal.aborted) {
    try {
      await ensureTopology(messaging, timings)
      return messaging
    } catch (err) {
      logger.warn({ err }, 'JetStream does not answer yet')
    }
    await wait(AGAIN_MS, undefined, { signal }).catch(() => {})
  }
  await messaging.close()
  return undefined
}
