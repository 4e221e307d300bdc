import { randomUUID } from 'node:crypto'
import {
  decodeStoreEvent,
  isNamed,
  matches,
  type Preconditions,
  type StoreView,
  storeViewOf,
} from '#contracts'
import {
  AppError,
  hasCode,
  type Plan,
  type RequestChange,
  type RequestUpgrade,
  store as storeDecider,
  type StoreEvent,
  type StoreState,
  storeStream,
  wantedRequest,
} from '#domain'
import {
  eventId,
  type EventStore,
  type ExpectedRevision,
  type Folded,
  foldStream,
  handleCommand,
} from '#eventstore'
import type { References } from './references.ts'
import type { RequestContext } from './routes/request.ts'
import type { StoreQuota } from './store-quota.ts'

export interface ChangeRequest {
  storeId: string
  command: OwnersCommand
  /** With a key the command happens once, however often it is sent; without one the store's state decides. */
  key: string | undefined
  /** What the caller expects of the store it has seen; else PRECONDITION_FAILED. */
  preconditions: Preconditions
  context: RequestContext
  /** Counts a request that is not the repetition of an earlier one; throws RATE_LIMITED. */
  count: () => Promise<void>
  /** Aborts when the request has been answered. */
  signal?: AbortSignal
}

/** What the owner of a store can ask for, without the time. */
export type OwnersCommand =
  | { type: 'RequestDeletion' | 'RequestRetry' | 'RequestCancel' }
  | Omit<RequestUpgrade, 'now'>
  | Omit<RequestChange, 'now'>

export interface ChangedStore {
  view: StoreView
  position: bigint | undefined
  /** What was asked for had already happened. */
  replayed: boolean
  /** It was this very command that caused it, now or before. */
  caused: boolean
}

interface Dependencies {
  store: EventStore
  references: References
  quota: Pick<StoreQuota, 'admitChange'>
  now: () => Date
}

/** Sends a command to an existing store of the tenant. */
export function changeStore({ store, quota, references, now }: Dependencies) {
  const streamOf = (storeId: string) => ({
    store,
    decider: storeDecider,
    decode: decodeStoreEvent,
    stream: storeStream(storeId),
  })
  const change = async (request: ChangeRequest, at?: ExpectedRevision): Promise<ChangedStore> => {
    const { storeId, command, context, count, signal } = request
    const time = now().toISOString()
    const wanted = command.type === 'RequestUpgrade' ? command.plan : undefined
    let before: Plan | undefined
    let isReserved = false
    const admit = async () => {
      await count()
      await quota.admitChange({ storeId, plan: wanted }, context, signal)
      isReserved = wanted !== undefined
    }
    const handling = handleCommand({
      ...streamOf(storeId),
      command: { ...command, now: time },
      context: { ...context, commandId: commandIdOf(request), requestId: randomUUID() },
      admit,
      signal,
      precondition: (folded) => {
        before = expectedSpec(folded, request).plan
        if (at !== undefined && folded.revision !== at) throw wentOn()
      },
    })
    const handled = await handling.catch(async (reason: unknown) => {
      // An upgrade that was refused after all leaves the store's slot as it was.
      if (isReserved && hasCode(reason, ...refusals))
        await quota.admitChange({ storeId, plan: before }, context)
      throw reason
    })
    const { state, revision, position, isNew, recordedAt: updatedAt = time } = handled
    if (state.status === 'absent' || revision === 'no_stream') throw notFound()
    refuseReusedKey(command, handled.events)
    const caused = handled.events.length > 0
    const view = storeViewOf(state, { updatedAt, revision })
    return { view, position, replayed: !isNew, caused }
  }
  /** Reserves the reference for an append at the revision that was read, and reads again when the store has gone on. */
  const changeReference = async (request: ChangeRequest, reference: string) => {
    const { storeId, context } = request
    const requestId = randomUUID()
    for (let tries = 1; ; tries++) {
      const folded = await foldStream(streamOf(storeId))
      const { state, revision } = folded
      expectedSpec(folded, { ...request, preconditions: {} })
      if (state.status !== 'absent' && state.request.reference === reference) return change(request)
      const asked = { reference, storeId, revision, requestId }
      await references.reserve(asked, context)
      try {
        const changed = await change(request, revision)
        // An earlier request of this key, since when the store has got another one.
        if (changed.view.reference !== reference) await references.release(asked, context)
        return changed
      } catch (error) {
        if (error instanceof AppError && !error.retryable) await references.release(asked, context)
        if (!hasCode(error, 'CONCURRENT_MODIFICATION') || tries === TRIES_MAX) throw error
      }
    }
  }
  return async (request: ChangeRequest): Promise<ChangedStore> => {
    // Each try to append asks, and so does a refusal: one request counts as one.
    let counted: Promise<void> | undefined
    const count = () => (counted ??= request.count())
    const { command } = request
    const reference = command.type === 'RequestChange' ? command.changes.reference : undefined
    try {
      const counting = { ...request, count }
      return typeof reference === 'string'
        ? await changeReference(counting, reference)
        : await change(counting)
    } catch (error) {
      // What is refused is no repetition.
      await count()
      throw error
    }
  }
}

const TRIES_MAX = 10
const refusals = ['STORE_IN_WRONG_STATE', 'PRECONDITION_FAILED', 'CONCURRENT_MODIFICATION'] as const

/** What the store is to be, where it is as the request expects it. Throws STORE_NOT_FOUND, for another tenant's too, and PRECONDITION_FAILED. */
function expectedSpec(
  { state, revision }: Folded<StoreState>,
  { context, preconditions }: ChangeRequest,
): ReturnType<typeof wantedRequest> {
  if (state.status === 'absent' || state.request.tenantId !== context.tenantId) throw notFound()
  const etag = `"${revision}"`
  if (!matches(preconditions, etag) || isNamed(preconditions, etag))
    throw new AppError('PRECONDITION_FAILED', 'The store is not as the request expects it')
  return wantedRequest(state)
}

const wentOn = () => new AppError('CONCURRENT_MODIFICATION', 'The store was changed by others')

function commandIdOf({ storeId, command, key, context: { tenantId } }: ChangeRequest): string {
  if (key === undefined) return randomUUID()
  return eventId(`${tenantId}\0${storeId}\0${command.type}\0${key}`, 0)
}

/** Throws IDEMPOTENCY_KEY_REUSED when the events of this key come from another request. */
function refuseReusedKey(command: OwnersCommand, events: StoreEvent[]): void {
  if (!('fingerprint' in command)) return
  const isOther = events.some(
    ({ data }) => 'fingerprint' in data && data.fingerprint !== command.fingerprint,
  )
  if (isOther)
    throw new AppError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key was used for another change of the store; use a new key',
    )
}

function notFound(): AppError {
  return new AppError('STORE_NOT_FOUND', 'There is no such store')
}
