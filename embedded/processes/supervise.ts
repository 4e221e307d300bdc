import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#observability'
import type { RunningProcess } from './start-process.ts'

const FIRST_DELAY_MS = 200
const DELAY_MAX_MS = 10_000
const STABLE_AFTER_MS = 30_000

export interface Component<T extends RunningProcess> {
  name: string
  start: () => Promise<T>
}

export interface SupervisorOptions {
  logger: Logger
  /** Told the pid of every start, the first one too. */
  onStarted: (name: string, pid: number) => void
}

export interface Supervised<T extends RunningProcess = RunningProcess> {
  /** As it was started first; later ones have the same addresses. */
  first: T
  /** Ends the component in good order and does not start it again. */
  stop: () => Promise<void>
}

/** Starts a component and starts it again, with back-off, whenever it ends; rejects when the first start fails. */
export async function supervise<T extends RunningProcess>(
  component: Component<T>,
  options: SupervisorOptions,
): Promise<Supervised<T>> {
  const { logger, onStarted } = options
  const stopping = new AbortController()
  const start = async () => {
    const started = await component.start()
    try {
      onStarted(component.name, started.pid)
    } catch (err) {
      // A record for people decides nothing: on a full disk it stays as it was.
      logger.warn({ err, component: component.name }, 'the pids could not be written down')
    }
    return started
  }
  const first = await start()
  let running: T | undefined = first

  const watch = async () => {
    let delayMs = FIRST_DELAY_MS
    while (running) {
      const startedAt = Date.now()
      const exit = await running.exited
      if (stopping.signal.aborted) return
      if (Date.now() - startedAt > STABLE_AFTER_MS) delayMs = FIRST_DELAY_MS
      const { pid } = running
      logger.warn(
        { component: component.name, pid, ...exit, delayMs },
        'component ended, starting it again',
      )
      running = await startAgain(delayMs)
      delayMs = Math.min(delayMs * 2, DELAY_MAX_MS)
    }
  }

  const startAgain = async (firstDelayMs: number) => {
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, DELAY_MAX_MS)) {
      await wait(delayMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return undefined
      try {
        const started = await start()
        logger.info({ component: component.name, pid: started.pid }, 'component started again')
        return started
      } catch (error) {
        logger.error(
          { err: error, component: component.name },
          'component could not be started, trying again',
        )
      }
    }
  }

  const watching = watch()
  const stop = async () => {
    stopping.abort()
    await running?.stop()
    await watching
    // It may have been in the middle of a start.
    await running?.stop()
  }
  return { first, stop }
}
