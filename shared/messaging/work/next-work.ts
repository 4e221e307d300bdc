import { setTimeout as wait } from 'node:timers/promises'
import type { Messaging } from '../connection/messaging.ts'
import { ensureTopology } from '../topology/ensure-topology.ts'
import { repairConsumer } from '../topology/repair-consumer.ts'
import { pullOne } from './pull-one.ts'
import { workMessageOf, type WorkMessage } from './work-message.ts'

const PULL_MAX_MS = 5_000
const BACK_OFF_MS = 250

export interface NextWorkOptions {
  signal: AbortSignal
  /** How long to wait for a message. */
  expiresMs: number
}

/**
 * The next message for a free slot; undefined when none came in time or on abort. Waits through a
 * lost connection, makes a missing stream or consumer again, and never throws because NATS is away.
 */
export async function nextWork(
  messaging: Messaging,
  { signal, expiresMs }: NextWorkOptions,
): Promise<WorkMessage | undefined> {
  const until = performance.now() + expiresMs
  while (!signal.aborted) {
    const restMs = until - performance.now()
    if (restMs <= 0) return undefined
    const message = await tryOnce(messaging, signal, Math.min(restMs, PULL_MAX_MS))
    if (message !== undefined) return message
  }
  return undefined
}

async function tryOnce(
  messaging: Messaging,
  signal: AbortSignal,
  expiresMs: number,
): Promise<WorkMessage | undefined> {
  try {
    if (!messaging.isConnected()) return await pause(signal)
    const pulled = await pullOne(messaging, { signal, expiresMs: Math.ceil(expiresMs) })
    if (typeof pulled === 'object') return workMessageOf(messaging, pulled.message)
    if (signal.aborted) return undefined
    if (pulled === 'none') await repairConsumer(messaging)
    if (pulled === 'missing') await ensureTopology(messaging)
    if (pulled !== 'none') await pause(signal)
  } catch (error) {
    messaging.logger.warn({ err: error }, 'Asking NATS for work failed')
    await pause(signal)
  }
  return undefined
}

async function pause(signal: AbortSignal): Promise<undefined> {
  await wait(BACK_OFF_MS, undefined, { signal }).catch(() => {})
}
