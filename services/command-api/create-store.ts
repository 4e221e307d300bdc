import { createHash, randomUUID } from 'node:crypto'
import {
  decodeStoreEvent,
  type RequestStoreBody,
  schemaVersion,
  type UpgradeStoreBody,
} from '#contracts'
import { AppError, hasCode, type StoreRequested, storeStream } from '#domain'
import { eventId, type EventStore, storeIdOf } from '#eventstore'
import type { Asking, Slots } from './quota/tenant-quota.ts'

export interface StoreRequest extends Asking {
  body: RequestStoreBody
  key: string | undefined
  /** Counts a request that is not the repetition of an earlier one; throws RATE_LIMITED. */
  count: () => Promise<void>
}

/** The answer to a request; the same for every repetition, as it is made from the first event alone. */
export interface Accepted {
  requested: StoreRequested
  position: bigint | undefined
  replayed: boolean
}

interface Dependencies {
  store: EventStore
  slots: Slots
}

/**
 * Accepts a request for a store exactly once per key, whichever process gets it and wherever one dies: the slot
 * fixes the time, the key the id, and the first event of the store's stream what was asked for.
 */
export function requestStore({ store, slots }: Dependencies) {
  return async (request: StoreRequest): Promise<Accepted> => {
    const { tenantId, key, body } = request
    const storeId = key === undefined ? randomUUID() : storeIdOf(tenantId, key)
    const fingerprint = fingerprintOf(body)
    await countUnlessKnown(slots, request, storeId)
    const slot = await slots.reserve(storeId, request)
    const earlier = slot.isNew ? undefined : await readRequested(store, storeId)
    if (earlier !== undefined) return replay(earlier, fingerprint)
    const requestedAt = slot.reservedAt
    const requested = { storeId, tenantId, ...body, fingerprint, requestedAt }
    try {
      const { position } = await appendRequested(store, requested, request)
      return { requested, position, replayed: false }
    } catch (error) {
      if (!hasCode(error, 'CONCURRENT_MODIFICATION')) throw error
      const winner = await readRequested(store, storeId)
      if (winner === undefined) throw error
      return replay(winner, fingerprint)
    }
  }
}

async function countUnlessKnown(slots: Slots, request: StoreRequest, storeId: string) {
  const { tenantId, key, count } = request
  if (key === undefined) return count()
  if (await slots.knows(tenantId, storeId)) return
  try {
    await count()
  } catch (error) {
    // Another process may have accepted it since this one last looked.
    if (!(await slots.knows(tenantId, storeId, { fresh: true }))) throw error
  }
}

/** Everything but the trace is the same in every process that writes it, and so is its id. */
function appendRequested(store: EventStore, data: StoreRequested, { context }: Asking) {
  const id = eventId(`${data.storeId}:${data.fingerprint}`, 0)
  const metadata = { ...context, tenantId: data.tenantId, schemaVersion, commandId: id }
  const event = { id, type: 'StoreRequested', data, metadata }
  return store.append(storeStream(data.storeId), [event], 'no_stream')
}

interface Earlier {
  requested: StoreRequested
  position: bigint
}

async function readRequested(store: EventStore, storeId: string): Promise<Earlier | undefined> {
  for await (const recorded of store.readStream(storeStream(storeId), { maxCount: 1 })) {
    const event = decodeStoreEvent(recorded)
    if (event?.type === 'StoreRequested')
      return { requested: event.data, position: recorded.position }
  }
  return undefined
}

function replay({ requested, position }: Earlier, fingerprint: string): Accepted {
  if (requested.fingerprint === fingerprint) return { requested, position, replayed: true }
  throw new AppError(
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was used for another request; use a new key for a new store',
    { details: { storeId: requested.storeId } },
  )
}

/** SHA-256 (hex) of the request in its canonical form: two bodies with the same meaning have the same. */
function fingerprintOf({ name, engine, plan }: RequestStoreBody): string {
  return sha256({ name, engine, plan })
}

/** The same of a request for an upgrade; to keep the plan and to name it are two requests. */
export function upgradeFingerprintOf({ plan }: UpgradeStoreBody): string {
  return sha256({ plan: plan ?? null })
}

const sha256 = (canonical: object): string =>
  createHash('sha256').update(JSON.stringify(canonical)).digest('hex')
