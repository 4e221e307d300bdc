const AGAIN_AFTER_MS = 1_000

interface Work {
  /** Brings everything to the wanted state; idempotent. */
  work: () => Promise<void>
  /** What the work is about, for the log: plural. */
  about: string
  log: (line: string) => void
}

interface ReconcileLoop {
  /** Resolves when a run that began after this call has succeeded; rejects when that run fails. */
  now: () => Promise<void>
  /** The same in the background: a failure is logged and tried again. */
  soon: () => void
  stop: () => void
}

/** Runs the work one run at a time, each time somebody asks for it. */
export function reconcileLoop({ work, about, log }: Work): ReconcileLoop {
  const now = coalesce(work)
  let again: NodeJS.Timeout | undefined
  let isStopped = false
  const soon = () => {
    now().catch((error: unknown) => {
      if (isStopped || again !== undefined) return
      log(`reconciling ${about} failed: ${String(error)}`)
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
