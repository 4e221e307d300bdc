import { randomUUID } from 'node:crypto'
import { schemaVersion } from '#contracts'
import { storeStream, type StoreEvent, type StoreRequested } from '#domain'
import type { EventStore } from '#eventstore'

/** Writes histories of a tenant's stores straight into the log. */
export function historian(store: EventStore, tenant: string) {
  const append = async (storeId: string, events: StoreEvent[], expected: bigint | 'no_stream') => {
    const stored = events.map((event) => {
      const id = randomUUID()
      const who = { correlationId: `c-${storeId}`, actor: 'user:test', tenantId: tenant }
      return { id, ...event, metadata: { ...who, schemaVersion, commandId: id } }
    })
    const { position = 0n } = await store.append(storeStream(storeId), stored, expected)
    return position
  }
  return {
    append,
    /** A requested store; resolves to its id and the position of its event. */
    requestStore: async (given: Partial<StoreRequested> = {}) => {
      const storeId = given.storeId ?? randomUUID()
      const data: StoreRequested = {
        storeId,
        tenantId: tenant,
        name: 'Test Store',
        engine: 'woocommerce',
        plan: 'small',
        fingerprint: 'f',
        requestedAt: new Date().toISOString(),
        ...given,
      }
      const position = await append(storeId, [{ type: 'StoreRequested', data }], 'no_stream')
      return { storeId, position }
    },
  }
}

export const deletion = (now = new Date().toISOString()): StoreEvent[] => [
  { type: 'DeletionRequested', data: { requestedAt: now } },
  { type: 'StoreDeleted', data: { attempt: 1, removed: ['Release/s-x'], deletedAt: now } },
]
