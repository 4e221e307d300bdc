import { randomUUID } from 'node:crypto'
import { decodeStoreEvent, type RequestStoreBody } from '#contracts'
import { type RequestStore, store as decider, type StoreRequested, storeStream } from '#domain'
import { type EventStore, handleCommand, storeIdOf } from '#eventstore'
import { fingerprintOf } from './fingerprint.ts'
import type { StoreQuota } from './quota/store-quota.ts'
import type { RequestContext } from './request-context.ts'

export interface CreateRequest {
  body: RequestStoreBody
  key: string | undefined
  context: RequestContext
  /** Counts a request that is not the repetition of an earlier one; throws RATE_LIMITED. */
  count: () => Promise<void>
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
}

/**
 * Accepts a request for a store exactly once per key, whichever process gets it and wherever one dies: the key fixes
 * the id, the slot the time, and the first event of the store's stream what was asked for. A store that exists has
 * its slot, or was deleted, so only one that does not exist yet reserves one.
 */
export function createStore({ store, quota }: Dependencies) {
  return async (request: CreateRequest): Promise<CreatedStore> => {
    const { key, context, count } = request
    const { tenantId } = context
    const storeId = key === undefined ? randomUUID() : storeIdOf(tenantId, key)
    const asked = { storeId, tenantId, ...request.body, fingerprint: fingerprintOf(request.body) }
    const earlier = key === undefined ? undefined : await readRequested(store, storeId)
    if (earlier !== undefined) return replay(earlier, asked)
    await count()
    const now = await quota.reserve(storeId, context)
    const { events, state, position } = await handleCommand({
      store,
      decider,
      decode: decodeStoreEvent,
      stream: storeStream(storeId),
      command: { type: 'RequestStore', ...asked, now },
      // The same in every process that holds the slot, and so is the event but for its trace.
      context: { ...context, commandId: `${storeId}:${asked.fingerprint}:${now}` },
      known: { state: decider.initialState(), revision: 'no_stream' },
    })
    if (state.status === 'absent') throw new Error(`The store ${storeId} was not stored`)
    return { requested: state.request, position, replayed: events.length === 0 }
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
