import type { FastifyInstance } from 'fastify'
import { AppError } from '#domain'

/** How far the read models are, as far as this process has heard. */
export interface Freshness {
  /** The position they have reached, 0 where nothing is known yet. */
  position: () => bigint
  /** The same, and asks where nothing is known yet. */
  currentPosition: () => Promise<bigint>
  /** The projector has committed; undefined when notices may have been missed. */
  onChange: (position: bigint | undefined) => void
  /** Resolves when the read models hold the position. Throws READ_MODEL_BEHIND after the wait. */
  reached: (position: bigint) => Promise<void>
  /** Resolves true at the next change, false when the time is up or the signal aborts. */
  changed: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>
}

interface Dependencies {
  /** Asks the read models themselves. */
  readPosition: () => Promise<bigint>
  waitMs?: number
}

const LOOK_EVERY_MS = 250

/** Follows the projector by its notices, and looks itself where none comes. */
export function freshness({ readPosition, waitMs = 2_000 }: Dependencies): Freshness {
  let position = 0n
  let isKnown = false
  const listeners = new Set<() => void>()
  const move = (to: bigint) => {
    position = to
    isKnown = true
    for (const listener of listeners) listener()
  }
  const look = async () => move(await readPosition())
  const changed = (timeoutMs: number, signal: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      const end = (result: boolean) => {
        listeners.delete(wake)
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
        resolve(result)
      }
      const wake = () => end(true)
      const stop = () => end(false)
      const timer = setTimeout(stop, timeoutMs)
      if (signal.aborted) return end(false)
      listeners.add(wake)
      signal.addEventListener('abort', stop)
    })
  return {
    position: () => position,
    currentPosition: async () => {
      if (!isKnown) await look()
      return position
    },
    // A failed look is made good by the next one: whoever waits looks again.
    onChange: (to) => (to === undefined ? void look().catch(() => {}) : move(to)),
    changed,
    reached: async (wanted) => {
      const signal = AbortSignal.timeout(waitMs)
      const isReached = () => position >= wanted
      while (!isReached()) {
        if (signal.aborted) throw behind(wanted, position)
        if (!(await changed(LOOK_EVERY_MS, signal))) await look()
      }
    },
  }
}

function behind(wanted: bigint, position: bigint): AppError {
  return new AppError('READ_MODEL_BEHIND', 'What was written last cannot be read yet', {
    retryable: true,
    details: { wanted: String(wanted), position: String(position) },
  })
}

interface FreshnessOptions {
  freshness: Freshness
  /** Seconds the read models are behind. */
  lagSeconds: () => number | undefined
}

/** Read your writes: a GET with `X-Position` waits for it, and every answer says how far the read models are. */
export function awaitFreshness(app: FastifyInstance, options: FreshnessOptions): void {
  const { freshness: readModels, lagSeconds } = options
  app.addHook('preHandler', async (request, reply) => {
    if (request.is404 || request.routeOptions.config.policy === 'public') return
    const wanted: unknown = request.headers['x-position']
    if (typeof wanted === 'bigint') await readModels.reached(wanted)
    reply.header('x-position', String(readModels.position()))
    const seconds = lagSeconds()
    if (seconds !== undefined) reply.header('x-read-lag', String(seconds))
  })
}
