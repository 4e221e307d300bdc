import { randomUUID } from 'node:crypto'
import { inTurn } from '#async'
import { decodeStoreEvent, type RequestStoreBody } from '#contracts'
import {
  AppError,
  type RequestStore,
  store as decider,
  type StoreRequested,
  storeStream,
} from '#domain'
import { type EventStore, handleCommand, storeIdOf } from '#eventstore'
import { fingerprintOf, type RequestContext } from './routes/request.ts'
import type { AskedReference, References } from './references.ts'
import type { StoreQuota } from './store-quota.ts'

export interface CreateRequest {
  body: RequestStoreBody
  key: string | undefined
  context: RequestContext
  /** Counts a request that is not the repetition of an earlier one; throws RATE_LIMITED. */
  count: () => Promise<void>
  /** Aborts when the request has been answered. */
  signal?: AbortSignal
}

/** The answer to a request; the same for every repetition, as it is made from the first event alone. */
export interface CreatedStore {
  requested: StoreRequested
  position: bigint | undefined
  replayed: boolean
}

interface Dependencies {
  store: EventStore
  quota: StoreQuota
  references: References
}

/**
 * Accepts a request for a store exactly once per key, whichever process gets it and wherever one dies: the key fixes
 * the id, the slot the time, and the first event of the store's stream what was asked for. A reference is reserved
 * before anything else, and given back when the request is refused. The tenant's state tells a new store from a repetition, so that only a repetition costs a read.
 */
export function createStore({ store, quota, references }: Dependencies) {
  const create = async (request: CreateRequest, storeId: string): Promise<CreatedStore> => {
    const { key, context, count, signal } = request
    signal?.throwIfAborted()
    const { tenantId } = context
    const asked = { storeId, tenantId, ...request.body, fingerprint: fingerprintOf(request.body) }
    const read = () => readRequested(store, storeId)
    const isKnown = key !== undefined && (await quota.mayExist(storeId, context))
    const earlier =
      (isKnown && (await read())) || (await countOr(count, key === undefined ? undefined : read))
    if (earlier !== undefined) return replay(earlier, asked)
    const reference = await reserveReference(request, storeId)
    const reserving = quota.reserve(storeId, context, { plan: asked.plan, signal })
    const slot = await reserving.catch(async (error: unknown) => {
      if (error instanceof AppError && !error.retryable) await reference?.release()
      throw error
    })
    if (slot === undefined || (slot.plan !== undefined && slot.plan !== asked.plan)) {
      await reference?.release()
      const missed = slot === undefined ? missing : reused
      return replay((await read()) ?? missed(storeId), asked)
    }
    const { reservedAt: now } = slot
    const { isNew, state, position } = await handleCommand({
      store,
      decider,
      decode: decodeStoreEvent,
      stream: storeStream(storeId),
      command: { type: 'RequestStore', ...asked, now },
      // The command is the same in every process that holds the slot; one request's event is the first.
      context: {
        ...context,
        commandId: `${storeId}:${asked.fingerprint}:${now}`,
        requestId: randomUUID(),
      },
      known: { state: decider.initialState(), revision: 'no_stream' },
      signal,
    })
    if (state.status === 'absent') return missing(storeId)
    return { requested: state.request, position, replayed: !isNew }
  }
  const reserveReference = async ({ body, context }: CreateRequest, storeId: string) => {
    const { reference } = body
    if (reference === undefined) return undefined
    const requestId = randomUUID()
    const asked: AskedReference = { reference, storeId, revision: 'no_stream', requestId }
    await references.reserve(asked, context)
    return { release: () => references.release(asked, context) }
  }
  return (request: CreateRequest): Promise<CreatedStore> => {
    const { key, context } = request
    if (key === undefined) return create(request, randomUUID())
    const storeId = storeIdOf(context.tenantId, key)
    // A repetition that arrives while the first is under way waits for it, so that it is known as one.
    return inTurn(quota, storeId, () => create(request, storeId))
  }
}

/** Counts the request; one that is over the rate may still repeat what another process has accepted. */
async function countOr(
  count: () => Promise<void>,
  read: (() => Promise<Earlier | undefined>) | undefined,
) {
  try {
    await count()
    return undefined
  } catch (error) {
    const earlier = await read?.()
    if (earlier === undefined) throw error
    return earlier
  }
}

interface Earlier {
  requested: StoreRequested
  position: bigint
}

/** The first event of a store's stream, whatever has happened since. */
async function readRequested(store: EventStore, storeId: string): Promise<Earlier | undefined> {
  for await (const recorded of store.readStream(storeStream(storeId), { maxCount: 1 })) {
    const event = decodeStoreEvent(recorded)
    if (event?.type === 'StoreRequested')
      return { requested: event.data, position: recorded.position }
  }
  return undefined
}

/** Throws IDEMPOTENCY_KEY_REUSED when the key was used for another request. */
function replay(
  { requested, position }: Earlier,
  asked: Omit<RequestStore, 'type' | 'now'>,
): CreatedStore {
  const state = decider.evolve(decider.initialState(), { type: 'StoreRequested', data: requested })
  decider.decide(state, { type: 'RequestStore', ...asked, now: requested.requestedAt })
  return { requested, position, replayed: true }
}

/** The slot counts for the plan of the first request with this key. */
function reused(): never {
  throw new AppError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another plan')
}

function missing(storeId: string): never {
  throw new Error(`The stream of store ${storeId} is empty`)
}
