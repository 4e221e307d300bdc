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

/** From the first claim to the end of a second try to upgrade to plan large. */
export function upgraded(now = new Date().toISOString()): StoreEvent[] {
  const digests = { valuesDigest: 'v', chartDigest: 'c' }
  const claim = (attempt: number, kind: 'install' | 'upgrade'): StoreEvent => ({
    type: 'ProvisioningStarted',
    data: { attempt, worker: 'w', claimId: `${attempt}`, kind, ...digests, startedAt: now },
  })
  const place = { release: 's-x', namespace: 's-x', url: 'https://x', chart: 'woocommerce' }
  const ready = (attempt: number, chartVersion: string): StoreEvent => ({
    type: 'StoreProvisioned',
    data: { attempt, ...place, chartVersion, ...digests, adopted: false, provisionedAt: now },
  })
  const failure = {
    reason: 'TIMEOUT',
    retryable: true,
    detail: 'late',
    nextAction: 'Wait',
  } as const
  return [
    claim(1, 'install'),
    ready(1, '0.1.0'),
    { type: 'UpgradeRequested', data: { plan: 'large', fingerprint: 'f', requestedAt: now } },
    claim(2, 'upgrade'),
    { type: 'StoreFailed', data: { attempt: 2, kind: 'upgrade', ...failure, failedAt: now } },
    { type: 'RetryRequested', data: { requestedAt: now } },
    claim(3, 'upgrade'),
    ready(3, '0.2.0'),
  ]
}
