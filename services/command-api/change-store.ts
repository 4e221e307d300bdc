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
  type RequestUpgrade,
  store as storeDecider,
  type StoreEvent,
  storeStream,
  wantedRequest,
} from '#domain'
import { eventId, type EventStore, handleCommand } from '#eventstore'
import type { RequestContext } from './request.ts'
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
}

/** What the owner of a store can ask for, without the time. */
type OwnersCommand =
  { type: 'RequestDeletion' | 'RequestRetry' | 'RequestCancel' } | Omit<RequestUpgrade, 'now'>

export interface ChangedStore {
  view: StoreView
  position: bigint | undefined
  /** What was asked for had already happened. */
  replayed: boolean
}

interface Dependencies {
  store: EventStore
  quota: Pick<StoreQuota, 'admitChange'>
  now: () => Date
}

/** Sends a command to an existing store of the tenant. */
export function changeStore({ store, quota, now }: Dependencies) {
  const change = async (request: ChangeRequest): Promise<ChangedStore> => {
    const { storeId, command, preconditions, context, count } = request
    const at = now().toISOString()
    const wanted = command.type === 'RequestUpgrade' ? command.plan : undefined
    let before: Plan | undefined
    let isReserved = false
    const admit = async () => {
      await count()
      await quota.admitChange({ storeId, plan: wanted }, context)
      isReserved = wanted !== undefined
    }
    const handling = handleCommand({
      store,
      decider: storeDecider,
      decode: decodeStoreEvent,
      stream: storeStream(storeId),
      command: { ...command, now: at },
      context: { ...context, commandId: commandIdOf(request), requestId: randomUUID() },
      admit,
      precondition: ({ state, revision }) => {
        // Another tenant's store does not exist for this tenant.
        if (state.status === 'absent' || state.request.tenantId !== context.tenantId)
          throw notFound()
        before = wantedRequest(state).plan
        const etag = `"${revision}"`
        if (!matches(preconditions, etag) || isNamed(preconditions, etag))
          throw new AppError('PRECONDITION_FAILED', 'The store is not as the request expects it')
      },
    })
    const handled = await handling.catch(async (reason: unknown) => {
      // An upgrade that was refused after all leaves the store's slot as it was.
      if (isReserved && hasCode(reason, 'STORE_IN_WRONG_STATE', 'PRECONDITION_FAILED'))
        await quota.admitChange({ storeId, plan: before }, context)
      throw reason
    })
    const { state, revision, position, isNew, recordedAt: updatedAt = at } = handled
    if (state.status === 'absent' || revision === 'no_stream') throw notFound()
    refuseReusedKey(command, handled.events)
    return { view: storeViewOf(state, { updatedAt, revision }), position, replayed: !isNew }
  }
  return async (request: ChangeRequest): Promise<ChangedStore> => {
    // Each try to append asks, and so does a refusal: one request counts as one.
    let counted: Promise<void> | undefined
    const count = () => (counted ??= request.count())
    try {
      return await change({ ...request, count })
    } catch (error) {
      // What is refused is no repetition.
      await count()
      throw error
    }
  }
}

function commandIdOf({ storeId, command, key, context: { tenantId } }: ChangeRequest): string {
  if (key === undefined) return randomUUID()
  return eventId(`${tenantId}\0${storeId}\0${command.type}\0${key}`, 0)
}

/** Throws IDEMPOTENCY_KEY_REUSED when the events of this key come from another request. */
function refuseReusedKey(command: OwnersCommand, events: StoreEvent[]): void {
  if (command.type !== 'RequestUpgrade') return
  const isOther = events.some(
    ({ type, data }) => type === 'UpgradeRequested' && data.fingerprint !== command.fingerprint,
  )
  if (isOther)
    throw new AppError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key was used for another upgrade of the store; use a new key',
    )
}

function notFound(): AppError {
  return new AppError('STORE_NOT_FOUND', 'There is no such store')
}
