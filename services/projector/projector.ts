import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import type { EventStore } from '#eventstore'
import type { Logger } from '#observability'
import { lead } from './leader/run-as-leader.ts'
import type { ProjectorMetrics } from './metrics.ts'

export interface ProjectorOptions {
  databaseUrl: string
  store: EventStore
  logger: Logger
  metrics: ProjectorMetrics
  batchMax: number
  /** How long Postgres bears the silence of the projector that writes. */
  silenceMs: number
  /** How often the log is checked to be the one the read models were made from. */
  verifyEveryMs?: number
}

/** What a projector does now; `failing` and `diverged` carry their cause. */
type ProjectorStatus =
  | { phase: 'starting' | 'standby' | 'following' }
  | { phase: 'failing' | 'diverged'; cause: unknown }

export interface Projector {
  status: () => ProjectorStatus
  close: () => Promise<void>
}

const PAUSE_MAX_MS = 10_000

/** Keeps the read models in step with the log. Whatever fails, it starts over from the checkpoint after a pause. */
export function startProjector(options: ProjectorOptions): Projector {
  const { logger, metrics } = options
  const closing = new AbortController()
  let status: ProjectorStatus = { phase: 'starting' }
  let failures = 0
  const onPhase = (phase: 'standby' | 'following') => {
    if (phase === 'following') failures = 0
    if (status.phase !== phase) logger.info({ phase }, 'projector phase')
    status = { phase }
    metrics.leading.set(phase === 'following' ? 1 : 0)
  }
  const run = async () => {
    while (!closing.signal.aborted) {
      try {
        await lead({ ...options, signal: closing.signal, onPhase })
      } catch (cause) {
        if (closing.signal.aborted) return
        status = { phase: hasCode(cause, 'EVENT_LOG_DIVERGED') ? 'diverged' : 'failing', cause }
        metrics.leading.set(0)
        logger.error({ err: cause, phase: status.phase }, 'projecting failed; trying again')
      }
      const pauseMs = Math.min(200 * 2 ** failures++, PAUSE_MAX_MS)
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
