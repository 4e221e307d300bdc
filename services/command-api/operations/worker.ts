import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { decodeMetadata, decodeOperationEvent } from '#contracts'
import {
  AppError,
  type ErrorCode,
  type ExistingOperation,
  hasCode,
  isEnded,
  operation as decider,
  operationNotFound,
  type OperationResult,
  operationStream,
  type OperationState,
  placeOf,
} from '#domain'
import { type EventStore, handleCommand, type RecordedEvent } from '#eventstore'
import type { LimitsOf } from '#http'
import type { Logger } from '#observability'
import { electLeader, type Pool } from '#postgres'
import type { changeStore } from '../change-store.ts'
import type { RequestContext } from '../routes/request.ts'
import { commandOf } from './request-operation.ts'

export interface WorkerOptions {
  databaseUrl: string
  pool: Pool
  store: EventStore
  changeStore: ReturnType<typeof changeStore>
  /** Stores a second of one operation. */
  perSecond: number
  /** Commands a minute of one operation, for a tenant without a limit of its own. */
  perMinute: number
  limitsOf: LimitsOf
  logger: Logger
  signal: AbortSignal
}

const SILENCE_MS = 15_000
const RETRY_MS = 2_000
const LOOK_EVERY_MS = 1_000
/** Operations at the same time, one a tenant. */
const RUNNING_MAX = 20

/**
 * Does the work of all operations, while this process is the one that does: each store gets the ordinary command, whose
 * id comes from the operation and the store. So what another worker has done, or this one before it died, is found in
 * the store's stream and not done again; that there is one worker only spares work. Never throws; ends on abort.
 */
export async function workOnOperations(options: WorkerOptions): Promise<void> {
  const { databaseUrl: url, logger, signal } = options
  const onStandby = () => logger.debug('another process works on operations')
  while (!signal.aborted) {
    try {
      const election = { url, of: 'operations', silenceMs: SILENCE_MS, signal, onStandby } as const
      await using leader = await electLeader(election)
      await lead({ ...options, signal: AbortSignal.any([signal, leader.lost]) })
    } catch (err) {
      if (!signal.aborted) logger.warn({ err }, 'operations wait; trying again')
    }
    await idle(RETRY_MS, signal)
  }
}

const idle = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal }).catch(() => {})

async function lead(options: WorkerOptions): Promise<void> {
  const { pool, logger } = options
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const running = new Map<string, Promise<void>>()
  try {
    while (!signal.aborted) {
      const limit = RUNNING_MAX - running.size
      for (const { id, tenantId } of await openOperations(pool, [...running.keys()], limit)) {
        const work = runOperation({ ...options, signal }, id)
          .catch(async (err: unknown) => {
            if (signal.aborted) return
            logger.error({ err, operationId: id }, 'an operation cannot go on; trying again')
            await idle(FAILED_PAUSE_MS, signal)
          })
          .finally(() => running.delete(tenantId))
        running.set(tenantId, work)
      }
      await idle(LOOK_EVERY_MS, signal)
    }
  } finally {
    failed.abort()
    await Promise.all(running.values())
  }
}

const FAILED_PAUSE_MS = 5_000

/** The oldest open operation of each tenant that is not one of these; of a suspended one, what is to be cancelled. */
async function openOperations(pool: Pool, except: string[], limit: number) {
  const { rows } = await pool.query<{ id: string; tenantId: string }>({
    name: 'open-operations',
    text: `select id, tenant_id as "tenantId" from (
             select distinct on (o.tenant_id) o.id, o.tenant_id, o.created_at
             from operations o left join tenant_settings t on t.tenant_id = o.tenant_id
             where o.status in ('running', 'cancelling') and o.tenant_id <> all($1)
               and (o.status = 'cancelling' or not coalesce((t.settings ->> 'suspended')::boolean, false))
             order by o.tenant_id, o.created_at, o.id) as oldest
           order by created_at limit $2`,
    values: [except, limit],
  })
  return rows
}

interface OpenOperation {
  state: ExistingOperation
  revision: bigint
  storeIds: string[]
  /** Who asked: every command of the operation says the same. */
  context: RequestContext
}

const BATCH_MAX = 100
const BATCH_MS = 5_000

/** Goes on with an operation where its stream ends. Ends with the operation, on abort, or when its tenant is suspended. */
async function runOperation(options: WorkerOptions, id: string): Promise<void> {
  const { store, signal, logger } = options
  let operation = await readOperation(store, id)
  const inPace = paceOf(options, operation.state.request.tenantId)
  while (!isEnded(operation.state) && !signal.aborted) {
    const from = placeOf(operation.state)
    const results: OperationResult[] = []
    const startedAt = performance.now()
    const isFull = () => results.length > 0 && performance.now() - startedAt > BATCH_MS
    let stopped: Stopped | undefined
    if (operation.state.status === 'running')
      for (const storeId of operation.storeIds.slice(from, from + BATCH_MAX)) {
        if (isFull() || !(await inPace()) || (await hasGoneOn(store, operation))) break
        const result = await commandStore(options, operation, storeId)
        stopped = typeof result === 'string' ? result : undefined
        if (typeof result === 'string') break
        results.push(result)
      }
    operation = await record(store, operation, { from, results })
    if (stopped !== undefined) break
  }
  const { status, counts } = operation.state
  logger.info({ operationId: id, status, counts }, 'an operation has ended, or waits')
}

/** Whether the stream has events that were not read: the operation was cancelled, or another worker is at work. */
async function hasGoneOn(store: EventStore, { state, revision }: OpenOperation): Promise<boolean> {
  const behind = { from: revision + 1n, maxCount: 1 }
  for await (const _ of store.readStream(operationStream(state.request.operationId), behind))
    return true
  return false
}

/** Stores the results, unless they are recorded already; resolves to the operation as it is then. */
async function record(
  store: EventStore,
  operation: OpenOperation,
  batch: { from: number; results: OperationResult[] },
): Promise<OpenOperation> {
  const { state: before, context } = operation
  const { state, revision } = await handleCommand({
    store,
    decider,
    decode: decodeOperationEvent,
    stream: operationStream(before.request.operationId),
    command: { type: 'RecordBatch', ...batch, now: new Date().toISOString() },
    // The decision keeps a batch from being recorded twice, by any worker.
    context: { ...context, commandId: randomUUID() },
    known: { state: before, revision: operation.revision },
  })
  if (state.status === 'absent' || revision === 'no_stream') throw operationNotFound()
  return { ...operation, state, revision }
}

async function readOperation(store: EventStore, id: string): Promise<OpenOperation> {
  let state: OperationState = decider.initialState()
  let revision = -1n
  let context: RequestContext | undefined
  const storeIds: string[] = []
  for await (const stored of store.readStream(operationStream(id))) {
    context ??= contextIn(stored, id)
    revision = stored.revision
    const event = decodeOperationEvent(stored)
    if (event?.type === 'StoresSelected') storeIds.push(...event.data.storeIds)
    if (event !== undefined) state = decider.evolve(state, event)
  }
  if (state.status === 'absent' || context === undefined) throw operationNotFound()
  return { state, revision, storeIds, context }
}

/** Who asked, from where and why; caused by the operation. */
function contextIn(first: RecordedEvent, id: string): RequestContext {
  const { schemaVersion: _, commandId: _id, ...cause } = decodeMetadata(first)
  return { ...cause, causationId: operationStream(id) }
}

/** Waits until the next command may go; false when the work is to end. */
function paceOf(options: WorkerOptions, tenantId: string): () => Promise<boolean> {
  const { perSecond, perMinute, limitsOf, signal } = options
  let nextAt = performance.now()
  return async () => {
    const ofTenant = (limitsOf(tenantId).requestsPerMinute ?? perMinute) / 60
    const now = performance.now()
    if (nextAt > now) await idle(nextAt - now, signal)
    nextAt = Math.max(nextAt, now) + 1_000 / Math.min(perSecond, ofTenant)
    return !signal.aborted
  }
}

type Stopped = 'aborted' | 'suspended'

const TRIES_MAX = 5
const TRY_PAUSE_MS = 1_000
/** An outage says nothing about the store: its command waits for the end of it. */
const outages: ErrorCode[] = ['EVENT_STORE_UNAVAILABLE', 'EVENT_STORE_ACCESS_DENIED']

/** Sends a store its command and resolves to the result, which is the same for a repetition. */
async function commandStore(
  options: WorkerOptions,
  { state, context }: OpenOperation,
  storeId: string,
): Promise<OperationResult | Stopped> {
  const { signal, logger } = options
  const { operationId } = state.request
  const request = {
    storeId,
    command: commandOf(state.request),
    // No client can send this key: it has a character that none may have.
    key: `operation\0${operationId}`,
    preconditions: {},
    context,
    count: async () => {},
  }
  for (let tries = 1; !signal.aborted; tries++)
    try {
      const { caused } = await options.changeStore(request)
      return { storeId, outcome: caused ? 'done' : 'skipped' }
    } catch (err) {
      if (hasCode(err, 'TENANT_SUSPENDED')) return 'suspended'
      const code = err instanceof AppError ? err.code : 'INTERNAL'
      const mayPass = err instanceof AppError && err.retryable
      const isGivenUp = tries >= TRIES_MAX && !outages.includes(code)
      if (code === 'INTERNAL') logger.error({ err, operationId, storeId }, 'a command failed')
      if (!mayPass || isGivenUp) return { storeId, outcome: 'refused', code }
      await idle(TRY_PAUSE_MS, signal)
    }
  return 'aborted'
}
