import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import { type LeaderOptions, runAsLeader } from './leader/run-as-leader.ts'

type ProjectorOptions = Omit<LeaderOptions, 'signal' | 'onPhase'>

/** What a projector does now; `failing` and `diverged` carry their cause. */
type ProjectorStatus =
  | { phase: 'starting' | 'standby' | 'following' }
  | { phase: 'failing' | 'diverged'; cause: unknown }

export interface Projector {
  status: () => ProjectorStatus
  close: () => Promise<void>
}

const PAUSE_MIN_MS = 200
const PAUSE_MAX_MS = 10_000

/** Keeps the read models in step with the log. After any failure it starts over from the checkpoint after a pause. */
export function startProjector(options: ProjectorOptions): Projector {
  const { logger, metrics } = options
  const closing = new AbortController()
  let status: ProjectorStatus = { phase: 'starting' }
  let failures = 0
  let followingSince = Number.POSITIVE_INFINITY
  const onPhase = (phase: 'standby' | 'following') => {
    if (phase === 'following') followingSince = performance.now()
    if (status.phase !== phase) logger.info({ phase }, 'projector phase')
    status = { phase }
    metrics.leader.set(phase === 'following' ? 1 : 0)
  }
  const run = async () => {
    while (!closing.signal.aborted) {
      let pauseMs = PAUSE_MIN_MS
      try {
        await runAsLeader({ ...options, signal: closing.signal, onPhase })
      } catch (cause) {
        if (closing.signal.aborted) return
        status = { phase: hasCode(cause, 'EVENT_LOG_DIVERGED') ? 'diverged' : 'failing', cause }
        metrics.leader.set(0)
        // A database that refuses each write is reached each time: a short success is none.
        if (performance.now() - followingSince > PAUSE_MAX_MS) failures = 0
        followingSince = Number.POSITIVE_INFINITY
        pauseMs = Math.min(PAUSE_MIN_MS * 2 ** failures++, PAUSE_MAX_MS)
        const { phase } = status
        logger.error({ err: cause, phase, pauseMs }, 'projecting failed; trying again')
      }
      await wait(pauseMs, undefined, { signal: closing.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    status: () => status,
    close: async () => {
      closing.abort()
      await running
    },
  }
}
