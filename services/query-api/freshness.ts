import type { FastifyInstance } from 'fastify'
import { anyTenant, AppError, hasCode } from '#domain'
import { callerOf, type OpaqueIds } from '#http'
import type { StoreChange } from '#postgres'

/** How far the read models are, as far as this process knows. */
export interface Freshness {
  /** The position they have reached, 0 where nothing is known yet. */
  position: () => bigint
  /** The same, read from the read models themselves. Throws DATABASE_UNAVAILABLE. */
  readPosition: () => Promise<bigint>
  /** The projector has committed; undefined when notifications may have been missed. */
  onChange: (change: StoreChange | undefined) => void
  /** Resolves when the read models hold the position. Throws READ_MODEL_BEHIND after the wait. */
  reached: (position: bigint) => Promise<void>
  /** Remembers changes of a tenant's stores from now on; `*`: of any tenant's. */
  watch: (tenantId: string) => ChangeWatch
}

interface ChangeWatch extends Disposable {
  /** Resolves true when stores may have changed since the last call, false when the time is up or the signal aborts. */
  changed: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>
}

interface Dependencies {
  /** Asks the read models themselves. */
  readPosition: () => Promise<bigint>
  waitMs?: number
}

/** Called with the tenants whose stores changed; undefined: any may have. */
type Listener = (tenants: readonly string[] | undefined) => void

const LOOK_EVERY_MS = 250

/** Follows the projector by its notifications, and reads the position itself when none arrives. */
export function freshness({ readPosition, waitMs = 2_000 }: Dependencies): Freshness {
  let position = 0n
  let moves = 0
  const listeners = new Set<Listener>()
  const wake: Listener = (tenants) => {
    for (const listener of listeners) listener(tenants)
  }
  const move = (to: bigint, tenants?: readonly string[]) => {
    position = to
    moves++
    wake(tenants)
  }
  const look = async () => {
    const before = moves
    const to = await readPosition()
    // A notification that arrived during the read is newer than its result.
    if (to > position || (to < position && moves === before)) move(to)
    return position
  }
  const watch = (isConcerned: (tenants: readonly string[]) => boolean) =>
    watchChanges(listeners, isConcerned)
  return {
    position: () => position,
    readPosition: look,
    onChange: (change) => {
      if (change !== undefined) return move(change.position, change.tenants)
      // A missed commit may be older than the next notification, so every stream reads again.
      wake(undefined)
      // A failed read does no harm: everything that waits reads again.
      look().catch(() => {})
    },
    watch: (tenantId) => watch((tenants) => tenantId === anyTenant || tenants.includes(tenantId)),
    reached: async (wanted) => {
      const signal = AbortSignal.timeout(waitMs)
      using changes = watch(() => true)
      const isReached = () => position >= wanted
      while (!isReached()) {
        if (signal.aborted) throw behind(wanted, position)
        if (!(await changes.changed(LOOK_EVERY_MS, signal))) await look()
      }
    },
  }
}

function watchChanges(
  listeners: Set<Listener>,
  isConcerned: (tenants: readonly string[]) => boolean,
): ChangeWatch {
  let isPending = false
  let wake = () => {}
  const listener: Listener = (tenants) => {
    if (tenants !== undefined && !isConcerned(tenants)) return
    isPending = true
    wake()
  }
  listeners.add(listener)
  return {
    changed: async (timeoutMs, signal) => {
      if (!isPending && !signal.aborted) {
        const woken = Promise.withResolvers<void>()
        const stop = () => woken.resolve()
        wake = stop
        const timer = setTimeout(stop, timeoutMs)
        signal.addEventListener('abort', stop)
        await woken.promise
        clearTimeout(timer)
        signal.removeEventListener('abort', stop)
      }
      const isChanged = isPending && !signal.aborted
      isPending = false
      return isChanged
    },
    [Symbol.dispose]: () => void listeners.delete(listener),
  }
}

function behind(wanted: bigint, position: bigint): AppError {
  return new AppError('READ_MODEL_BEHIND', 'The latest write cannot be read yet', {
    retryable: true,
    details: { wanted: String(wanted), position: String(position) },
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads the log itself, which is never behind. */
    readsLog?: boolean
  }
}

interface FreshnessOptions {
  freshness: Freshness
  ids: OpaqueIds
  /** Seconds the read models are behind. */
  lagSeconds: () => number | undefined
  /** Position of the last event in the log. */
  readHead: () => Promise<bigint>
}

/** Read your writes: a GET with `X-Position` waits for it, and every answer says how far the read models are. */
export function awaitFreshness(app: FastifyInstance, options: FreshnessOptions): void {
  const { freshness: readModels, ids, lagSeconds } = options
  app.addHook('preHandler', async (request, reply) => {
    if (request.is404 || request.routeOptions.config.policy === 'public') return
    const { tenantId } = callerOf(request)
    const given = request.headers['x-position']
    if (given !== undefined) {
      const wanted = ids.positionOf(String(given), tenantId)
      if (wanted === undefined) throw notIssued()
      const { readsLog = false } = request.routeOptions.config
      await (readsLog ? requireWritten(wanted, options) : reach(wanted, options))
    }
    reply.header('x-position', ids.freshTokenOf(readModels.position(), tenantId))
    const seconds = lagSeconds()
    if (seconds !== undefined) reply.header('x-read-lag', String(seconds))
  })
}

async function reach(wanted: bigint, { freshness: readModels, readHead }: FreshnessOptions) {
  try {
    await readModels.reached(wanted)
  } catch (error) {
    if (!hasCode(error, 'READ_MODEL_BEHIND')) throw error
    // Without the event store nobody knows whether the position will come.
    const head = await readHead().catch(() => wanted)
    if (wanted <= head) throw error
    throw beyondTheEnd()
  }
}

async function requireWritten(
  wanted: bigint,
  { freshness: readModels, readHead }: FreshnessOptions,
) {
  if (wanted > readModels.position() && wanted > (await readHead())) throw beyondTheEnd()
}

const beyondTheEnd = () =>
  new AppError('REQUEST_INVALID', 'X-Position is beyond the end of the event log, which was reset')

const notIssued = () =>
  new AppError(
    'REQUEST_INVALID',
    'X-Position must be that of an earlier answer of this API to the same tenant',
  )
