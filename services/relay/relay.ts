import { hasCode } from '#domain'
import { setTimeout as wait } from 'node:timers/promises'
import { runSession, type SessionOptions } from './run-session.ts'

const BACK_OFF_MS = [100, 250, 500, 1_000, 2_000, 5_000]
const DIVERGED_BACK_OFF_MS = 10_000

type RelayStatus = 'starting' | 'relaying' | { cause: unknown }

/** Publishes every event of every store to JetStream, in order, until the signal is aborted; begins again after any failure. */
export function startRelay(options: Omit<SessionOptions, 'onWorking'>) {
  let status: RelayStatus = 'starting'
  const done = run()

  async function run(): Promise<void> {
    const { signal, metrics } = options
    for (let failures = 0; !signal.aborted;) {
      const onWorking = () => {
        if (status === 'relaying') return
        status = 'relaying'
        failures = 0
        metrics.failing.set(0)
        metrics.diverged.set(0)
      }
      try {
        await runSession({ ...options, onWorking })
      } catch (cause) {
        status = { cause }
        await waitAfter(cause, ++failures)
      }
    }
  }

  async function waitAfter(cause: unknown, failures: number): Promise<void> {
    const { logger, metrics, signal } = options
    const isDiverged = hasCode(cause, 'EVENT_LOG_DIVERGED')
    metrics.failures.inc()
    metrics.failing.set(1)
    metrics.diverged.set(isDiverged ? 1 : 0)
    if (isDiverged) logger.fatal({ err: cause }, 'Events are not published')
    else logger.error({ err: cause, failures }, 'Events are not published; beginning again')
    const backOffMs = BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] ?? 0
    const delayMs = isDiverged ? DIVERGED_BACK_OFF_MS : backOffMs
    await wait(delayMs, undefined, { signal }).catch(() => {})
  }

  return { status: () => status, done }
}
