import { eventStreamName, provisionersConsumer } from '#contracts'
import type { Messaging } from '../connection/messaging.ts'
import { ensureTopology } from './ensure-topology.ts'

const API_TIMEOUT_MS = 5_000
const CHECK_EVERY_MS = 10_000
const checkedAt = new WeakMap<Messaging, number>()

/**
 * Makes the provisioners' consumer again when it is ahead of its stream, as after a stream lost its
 * tail: it would deliver nothing and report no error. Looks at most every 10 s per connection.
 */
export async function repairConsumer(messaging: Messaging): Promise<void> {
  const last = checkedAt.get(messaging)
  if (last !== undefined && performance.now() - last < CHECK_EVERY_MS) return
  checkedAt.set(messaging, performance.now())
  const { connection, logger } = messaging
  const manager = await connection.jetstreamManager({ timeout: API_TIMEOUT_MS, checkAPI: false })
  const consumer = await manager.consumers.info(eventStreamName, provisionersConsumer)
  const stream = await manager.streams.info(eventStreamName)
  const [deliveredSeq, lastSeq] = [consumer.delivered.stream_seq, stream.state.last_seq]
  if (deliveredSeq <= lastSeq) return
  logger.error({ deliveredSeq, lastSeq }, 'The consumer is ahead of its stream; it is made again')
  await manager.consumers.delete(eventStreamName, provisionersConsumer)
  await ensureTopology(messaging)
}
