import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '#observability'
import type { RunningProcess } from './start-process.ts'

const FIRST_DELAY_MS = 200
const DELAY_MAX_MS = 10_000
const STABLE_AFTER_MS = 30_000
const LOOK_EVERY_MS = 5_000

/** A process that runs and may say that only another start helps. */
export interface ComponentProcess extends RunningProcess {
  problem?: () => Promise<string | undefined>
}

export interface Component<T extends ComponentProcess> {
  name: string
  start: () => Promise<T>
}

export interface SupervisorOptions {
  logger: Logger
  /** Told the pid of every start, the first one too. */
  onStarted: (name: string, pid: number) => void
  lookEveryMs?: number
}

export interface Supervised<T extends ComponentProcess = ComponentProcess> {
  /** As it was started first; later ones have the same addresses. */
  first: T
  /** Ends the component in good order and does not start it again. */
  stop: () => Promise<void>
}

/**
 * Starts a component and starts it again, with back-off, whenever it ends; ends one that has a problem at two looks in
 * a row. Rejects when the first start fails.
 */
export async function supervise<T extends ComponentProcess>(
  component: Component<T>,
  options: SupervisorOptions,
): Promise<Supervised<T>> {
  const { logger, onStarted, lookEveryMs = LOOK_EVERY_MS } = options
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

  let suspect: T | undefined
  const look = async () => {
    const looked = running
    const problem = await looked?.problem?.().catch(() => undefined)
    const isAgain = suspect === looked
    suspect = problem === undefined ? undefined : looked
    if (!isAgain || suspect === undefined || looked !== running || stopping.signal.aborted) return
    logger.warn({ component: component.name, problem }, 'a component works no more, ending it')
    suspect = undefined
    await looked?.stop()
  }
  const looking = setInterval(() => void look(), lookEveryMs).unref()

  const watching = watch()
  const stop = async () => {
    stopping.abort()
    clearInterval(looking)
    await running?.stop()
    await watching
    // It may have been in the middle of a start.
    await running?.stop()
  }
  return { first, stop }
}
