import { nextWork, type Messaging } from '#messaging'
import { attend } from './work/attend.ts'
import type { Worker } from './work/worker.ts'

export interface ProvisionerOptions {
  messaging: Messaging
  worker: Worker
  /** How many stores are worked on at once. */
  slots: number
  /** Aborted when no further message is to be taken. */
  draining: AbortSignal
}

const PULL_MS = 30_000

/** Asks for one message per free slot until it drains; settles when the last slot's work has ended. */
export async function runProvisioner(options: ProvisionerOptions): Promise<void> {
  const { messaging, worker, slots, draining: signal } = options
  const runSlot = async () => {
    while (!signal.aborted) {
      const message = await nextWork(messaging, { signal, expiresMs: PULL_MS })
      if (message !== undefined) await attend(message, worker)
    }
  }
  await Promise.all(Array.from({ length: slots }, runSlot))
}
