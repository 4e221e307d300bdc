import { connectMessaging, ensureTopology, type WorkTimings } from '#messaging'
import { createLogger } from '#observability'

/** Times short enough for a test, in the proportions of the real ones. */
export const shortTimings: WorkTimings = { ackWaitMs: 1_500, leaseTtlMs: 1_200 }

interface TestMessagingOptions {
  /** Undefined: nothing is made on the server. */
  timings?: WorkTimings | 'none'
  name?: string
}

/** A connection of its own to a test's nats-server, closed at the end of the test. */
export async function testMessaging(url: string, options: TestMessagingOptions = {}) {
  const { timings = shortTimings, name = 'test' } = options
  const logger = createLogger({ service: name, level: 'silent' })
  const messaging = await connectMessaging({ url, name, logger })
  if (timings !== 'none') await ensureTopology(messaging, timings)
  return messaging
}
