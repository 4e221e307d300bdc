import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import {
  decodeMetadata,
  decodeOperationEvent,
  type OperationView,
  operationViewOf,
  type RequestOperationBody,
} from '#contracts'
import {
  AppError,
  type ExistingOperation,
  operation as decider,
  operationNotFound,
  type OperationRequested,
  operationStoresMax,
  operationStream,
  type OperationState,
} from '#domain'
import {
  eventId,
  type EventStore,
  foldStream,
  handleCommand,
  type RecordedEvent,
} from '#eventstore'
import { type Pool, readCheckpoint, selectStores, translateErrors } from '#postgres'
import type { OwnersCommand } from '../change-store.ts'
import { fingerprintOf, type RequestContext } from '../routes/request.ts'
import type { StoreQuota } from '../store-quota.ts'

export interface OperationRequest {
  body: RequestOperationBody
  key: string | undefined
  /** The read models must hold it, so that the stores the caller has seen are those that are selected. */
  position: bigint | undefined
  context: RequestContext
  /** Once it has aborted nobody waits for the answer, and nothing is stored any more. */
  signal?: AbortSignal | undefined
}

export interface AnsweredOperation {
  view: OperationView
  position: bigint | undefined
  replayed: boolean
}

interface Dependencies {
  store: EventStore
  /** The read models; undefined where the service has none, and so takes no operations. */
  pool: Pool | undefined
  quota: Pick<StoreQuota, 'admit'>
  now: () => Date
}

export type Operations = ReturnType<typeof operations>

/** What takes operations over many stores and stops them; a worker does the rest. */
export function operations(dependencies: Dependencies) {
  const { store, quota, now } = dependencies
  const streamOf = (id: string) => ({
    store,
    decider,
    decode: decodeOperationEvent,
    stream: operationStream(id),
  })
  const select = async (request: OperationRequest) => {
    const { body, position, context } = request
    const { pool } = dependencies
    if (pool === undefined) throw new AppError('OPERATIONS_OFF', 'DATABASE_URL is not set')
    if (position !== undefined) await awaitPosition(position, { pool, store })
    const { tenantId } = context
    return selectStores(pool, { tenantId, filter: body.filter, limit: operationStoresMax })
  }
  const known = async (id: string, tenantId: string) => {
    const { state } = await foldStream(streamOf(id))
    if (state.status === 'absent' || state.request.tenantId !== tenantId) return undefined
    return state
  }
  return {
    /** How many stores the operation would be for, and some of them; nothing is stored. */
    dryRun: async (request: OperationRequest): Promise<{ count: number; sample: string[] }> => {
      await quota.admit(request.context, request.signal)
      const { count, ids } = await select(request)
      return { count, sample: ids.slice(0, SAMPLE_MAX) }
    },
    /**
     * Selects the stores and stores the operation, once per key. Throws SELECTION_TOO_LARGE, TENANT_SUSPENDED,
     * READ_MODEL_BEHIND, DATABASE_UNAVAILABLE, OPERATIONS_OFF.
     */
    request: async (request: OperationRequest): Promise<AnsweredOperation> => {
      const { body, key, context, signal } = request
      const { tenantId } = context
      const { filter: given, dryRun: _, reason: _reason, ...asked } = body
      const filter = { ...given }
      const fingerprint = fingerprintOf({ ...asked, filter })
      const id = key === undefined ? randomUUID() : idOf(tenantId, key)
      const command = { type: 'RequestOperation', operationId: id, tenantId, fingerprint } as const
      const earlier = key === undefined ? undefined : await known(id, tenantId)
      if (earlier !== undefined) {
        // Throws for another request with the same key.
        decider.decide(earlier, {
          ...command,
          ...asked,
          filter,
          storeIds: [],
          position: '0',
          now: '',
        })
        return answerOf(await firstEvent(store, id), true)
      }
      await quota.admit(context, signal)
      const { position, count, ids } = await select(request)
      if (count > operationStoresMax) throw tooLarge(count)
      signal?.throwIfAborted()
      const { isNew } = await handleCommand({
        ...streamOf(id),
        command: {
          ...command,
          ...asked,
          filter,
          storeIds: ids,
          position: String(position),
          now: now().toISOString(),
        },
        // One request's selection is the operation's, whatever others with the same key have selected.
        context: {
          ...context,
          commandId: `operation:${id}:${fingerprint}`,
          requestId: randomUUID(),
        },
        known: { state: decider.initialState(), revision: 'no_stream' },
        signal,
      })
      return answerOf(await firstEvent(store, id), !isNew)
    },
    /** Stops the operation between two stores. Throws OPERATION_NOT_FOUND, OPERATION_ENDED. */
    cancel: async (
      id: string,
      context: RequestContext,
      signal?: AbortSignal,
    ): Promise<AnsweredOperation> => {
      const { state, isNew, position, recordedAt } = await handleCommand({
        ...streamOf(id),
        command: { type: 'CancelOperation', now: now().toISOString() },
        context: { ...context, commandId: randomUUID() },
        precondition: ({ state: found }) => refuseForeign(found, context.tenantId),
        signal,
      })
      if (state.status === 'absent') throw operationNotFound()
      const { cause } = await firstEvent(store, id)
      const updatedAt = recordedAt ?? now().toISOString()
      return { view: operationViewOf(state, { ...cause, updatedAt }), position, replayed: !isNew }
    },
  }
}

const SAMPLE_MAX = 20

/** The operation that belongs to a tenant's idempotency key. */
const idOf = (tenantId: string, key: string): string => eventId(`${tenantId}\0operation\0${key}`, 0)

function refuseForeign(state: OperationState, tenantId: string): void {
  if (state.status === 'absent' || state.request.tenantId !== tenantId) throw operationNotFound()
}

function tooLarge(count: number): AppError {
  return new AppError(
    'SELECTION_TOO_LARGE',
    `The filter matches ${count} stores; an operation takes ${operationStoresMax} at most`,
    {
      details: {
        nextAction:
          'Ask for several operations with narrower filters, such as createdAfter and createdBefore',
      },
    },
  )
}

interface FirstEvent {
  state: ExistingOperation
  cause: { createdBy: string; reason?: string | undefined }
  event: RecordedEvent
}

/** The operation as it was asked for, whatever has happened since, and who asked. */
async function firstEvent(store: EventStore, id: string): Promise<FirstEvent> {
  for await (const event of store.readStream(operationStream(id), { maxCount: 1 })) {
    const decoded = decodeOperationEvent(event)
    const { actor: createdBy, reason } = decodeMetadata(event)
    if (decoded === undefined) break
    const state = decider.evolve(decider.initialState(), decoded)
    if (state.status !== 'absent') return { state, cause: { createdBy, reason }, event }
  }
  throw operationNotFound()
}

/** From the first event alone, so that every repetition gets the same body. */
function answerOf({ state, cause, event }: FirstEvent, replayed: boolean): AnsweredOperation {
  const view = operationViewOf(state, { ...cause, updatedAt: state.request.requestedAt })
  return { view, position: event.position, replayed }
}

const POSITION_WAIT_MS = 2_000
const LOOK_EVERY_MS = 50

/** Resolves when the read models hold the position. Throws READ_MODEL_BEHIND, REQUEST_INVALID beyond the log's end. */
async function awaitPosition(
  wanted: bigint,
  { pool, store }: { pool: Pool; store: EventStore },
): Promise<void> {
  const giveUpAt = performance.now() + POSITION_WAIT_MS
  for (;;) {
    const reached = await translateErrors(() => readCheckpoint(pool, 'stores'))
    if ((reached?.position ?? 0n) >= wanted) return
    if (performance.now() >= giveUpAt) break
    await wait(LOOK_EVERY_MS)
  }
  if (wanted > ((await store.head())?.position ?? 0n))
    throw new AppError(
      'REQUEST_INVALID',
      'X-Position is beyond the end of the event log, which was reset',
    )
  throw new AppError('READ_MODEL_BEHIND', 'The latest write cannot be selected by yet')
}

/** The ordinary command that each store of an operation gets. */
export function commandOf({ action, plan, labels = {} }: OperationRequested): OwnersCommand {
  switch (action) {
    case 'retry':
      return { type: 'RequestRetry' }
    case 'cancel':
      return { type: 'RequestCancel' }
    case 'delete':
      return { type: 'RequestDeletion' }
    case 'upgrade':
      return { type: 'RequestUpgrade', plan, fingerprint: fingerprintOf({ action, plan }) }
    case 'label':
      return {
        type: 'RequestChange',
        changes: { labels },
        fingerprint: fingerprintOf({ action, labels }),
      }
  }
}
