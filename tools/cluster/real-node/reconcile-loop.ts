const AGAIN_AFTER_MS = 1_000

interface Work {
  /** Brings everything to what it has to be; called again it changes nothing. */
  work: () => Promise<void>
  /** What is not as it should be when it fails. */
  about: string
  log: (line: string) => void
}

interface Steady {
  /** Resolves when a run that began after this call has succeeded, rejects when it has not. */
  now: () => Promise<void>
  /** The same in the background: said when it fails, and tried again. */
  soon: () => void
  stop: () => void
}

/** Does the work again and again, one run at a time, as it is asked to. */
export function steadily({ work, about, log }: Work): Steady {
  const now = coalesce(work)
  let again: NodeJS.Timeout | undefined
  let isStopped = false
  const soon = () => {
    now().catch((error: unknown) => {
      if (isStopped || again !== undefined) return
      log(`${about} are not as they should be: ${String(error)}`)
      again = setTimeout(() => {
        again = undefined
        soon()
      }, AGAIN_AFTER_MS)
    })
  }
  const stop = () => {
    isStopped = true
    clearTimeout(again)
  }
  return { now, soon, stop }
}

/**
 * Runs `work` one at a time; a call resolves after a run that began after it. Calls during a run
 * share the next one. A run that fails rejects the calls that waited for it.
 */
export function coalesce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = () => {
    next = undefined
    running = work().finally(() => (running = undefined))
    return running
  }
  return () => {
    if (next !== undefined) return next
    if (running === undefined) return run()
    next = running.then(run, run)
    return next
  }
}
