import { expect, test } from 'vitest'
import { store } from '#domain'
import { requestStoreBody } from './store-bodies.ts'
import { storeView, storeViewOf } from './http-views.ts'
import { decodeMetadata, decodeStoreEvent, storeEventTypes } from './stored-events.ts'
import {
  decodeApiKeyEvent,
  decodeOperationEvent,
  decodeReferenceEvent,
  decodeTenantEvent,
} from './tenant-events.ts'

// What lies in logs, byte for byte: a change of any of these needs a new schema version.
const golden: Record<string, string> = {
  StoreRequested:
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","tenantId":"demo","name":"Test Store","engine":"woocommerce","plan":"small","labels":{"team":"shop"},"reference":"order-1","parameters":{"country":"CH","currency":"CHF","timeZone":"Europe/Zurich","locale":"de_CH"},"fingerprint":"f1","requestedAt":"2026-01-01T00:00:00.000Z"}',
  ProvisioningStarted:
    '{"attempt":2,"worker":"host-1-abc","claimId":"c2","kind":"install","valuesDigest":"v","chartDigest":"c","takesOver":"c1","startedAt":"2026-01-01T00:00:00.000Z"}',
  ProvisioningStepRecorded:
    '{"attempt":2,"step":"install","detail":{"exitCode":0,"ended":"EXITED","repaired":true},"recordedAt":"2026-01-01T00:00:00.000Z"}',
  ProvisioningAttemptFailed:
    '{"attempt":1,"reason":"HELM_FAILED","retryable":true,"detail":"helm exited with 1","nextAction":"Fix the chart","retryAt":"2026-01-01T00:00:05.000Z","failedAt":"2026-01-01T00:00:00.000Z"}',
  StoreProvisioned:
    '{"attempt":2,"release":"s-x","namespace":"s-x","url":"https://x","chart":"woocommerce","chartVersion":"0.1.0","chartDigest":"c","valuesDigest":"v","adopted":false,"provisionedAt":"2026-01-01T00:00:00.000Z"}',
  StoreFailed:
    '{"attempt":3,"reason":"TIMEOUT","retryable":true,"detail":"late","nextAction":"Retry","failedAt":"2026-01-01T00:00:00.000Z"}',
  RetryRequested: '{"requestedAt":"2026-01-01T00:00:00.000Z"}',
  UpgradeRequested: '{"plan":"large","fingerprint":"f2","requestedAt":"2026-01-01T00:00:00.000Z"}',
  ChangeRequested:
    '{"generation":2,"changes":{"name":"Shop","labels":{"team":null,"tier":"gold"},"reference":null},"fingerprint":"f3","requestedAt":"2026-01-01T00:00:00.000Z"}',
  CancelRequested: '{"requestedAt":"2026-01-01T00:00:00.000Z"}',
  DeletionRequested: '{"requestedAt":"2026-01-01T00:00:00.000Z"}',
  StoreDeleted:
    '{"attempt":4,"removed":["Deployment/x","manifests.yaml"],"deletedAt":"2026-01-01T00:00:00.000Z"}',
}
const goldenOfTenants: Record<string, string> = {
  StoreSlotReserved:
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","reservedAt":"2026-01-01T00:00:00.000Z"}',
  StoreSlotPlanChanged:
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","plan":"large","changedAt":"2026-01-01T00:00:00.000Z"}',
  TenantLimitsSet:
    '{"limits":{"stores":10,"plans":{"large":2},"requestsPerMinute":600,"concurrency":1},"setAt":"2026-01-01T00:00:00.000Z"}',
  TenantSuspended: '{"suspendedAt":"2026-01-01T00:00:00.000Z"}',
  TenantResumed: '{"resumedAt":"2026-01-01T00:00:00.000Z"}',
  StoreSlotReleased:
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","reason":"deleted","releasedAt":"2026-01-01T00:00:00.000Z"}',
}
const goldenOfReferences: Record<string, string> = {
  ReferenceReserved:
    '{"reference":"order-1","storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","revision":-1,"requestId":"r1","reservedAt":"2026-01-01T00:00:00.000Z"}',
  ReferenceReleased:
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","requestId":"r1","reason":"refused","releasedAt":"2026-01-01T00:00:00.000Z"}',
}
const goldenOfKeys: Record<string, string> = {
  ApiKeyCreated:
    '{"id":"0f3a5c7e9b1d2f48","tenantId":"acme","name":"panel","roles":["write"],"hash":"h","expiresAt":"2027-01-01T00:00:00.000Z","createdAt":"2026-01-01T00:00:00.000Z"}',
  ApiKeyRevoked: '{"revokedAt":"2026-01-01T00:00:00.000Z"}',
}
const goldenOfOperations: Record<string, string> = {
  OperationRequested:
    '{"operationId":"7d0f6a52-1a5e-4d0b-8a3e-2b1f0c9d8e7f","tenantId":"demo","action":"label","plan":"large","labels":{"team":null,"tier":"gold"},"filter":{"status":"failed","engine":"medusa","q":"shop","plan":"small","reference":"order-1","label":{"team":"shop"},"createdAfter":"2026-01-01T00:00:00Z","createdBefore":"2026-01-01T00:00:00+02:00","updatedAfter":"2026-01-01T00:00:00Z"},"position":"123","stores":2,"fingerprint":"f1","requestedAt":"2026-01-01T00:00:00.000Z"}',
  StoresSelected: '{"storeIds":["3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11"]}',
  BatchDone:
    '{"from":0,"results":[{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","outcome":"done"},{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d12","outcome":"refused","code":"STORE_DELETED"}],"doneAt":"2026-01-01T00:00:00.000Z"}',
  OperationCancelled: '{"cancelledAt":"2026-01-01T00:00:00.000Z"}',
  OperationEnded:
    '{"outcome":"cancelled","counts":{"done":1,"skipped":0,"refused":1},"endedAt":"2026-01-01T00:00:00.000Z"}',
}
const place = { stream: 'store-x', revision: 7n }
const stored = (type: string, json: string) => ({ type, data: JSON.parse(json), ...place })

const fields = new Set(requestStoreBody.options.flatMap(({ shape }) => Object.keys(shape)))
test.for([...fields])('the %s of a request is stored with the store and shown with it', (field) => {
  const requested = decodeStoreEvent(stored('StoreRequested', golden['StoreRequested'] ?? ''))
  expect(requested?.data).toHaveProperty(field)
  expect(storeView.shape).toHaveProperty(field)
})

test('every event of a store has its stored form here', () => {
  expect(Object.keys(golden).toSorted()).toEqual([...storeEventTypes].toSorted())
})

test.each(Object.entries(golden))('%s is read and written as it is stored', (type, json) => {
  const event = decodeStoreEvent(stored(type, json))
  expect(event?.type).toBe(type)
  expect(JSON.stringify(event?.data)).toBe(json)
})

test('StoreProvisioned of a store that was sold in is read and written as it is stored', () => {
  const smokeTest = '"smokeTest":{"orderId":"12","cancelled":false,"requests":8,"durationMs":900}'
  const json = golden['StoreProvisioned']?.replace(
    '"provisionedAt"',
    `${smokeTest},"provisionedAt"`,
  )
  const event = decodeStoreEvent(stored('StoreProvisioned', json ?? ''))
  expect(JSON.stringify(event?.data)).toBe(json)
})

test.each(['StoreProvisioned', 'StoreFailed'])(
  '%s of an upgrade is read and written as it is stored',
  (type) => {
    const json = golden[type]?.replace(/^(."attempt":\d)/, '$1,"kind":"upgrade"') ?? ''
    const event = decodeStoreEvent(stored(type, json))
    expect(event?.data).toMatchObject({ kind: 'upgrade' })
    expect(JSON.stringify(event?.data)).toBe(json)
  },
)

test.each(Object.entries(goldenOfTenants))('%s is read and written as stored', (type, json) => {
  const event = decodeTenantEvent(stored(type, json))
  expect(JSON.stringify(event)).toBe(`{"type":"${type}","data":${json}}`)
})

test('a slot of a plan is read and written as it is stored', () => {
  const json =
    '{"storeId":"3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11","plan":"small","reservedAt":"2026-01-01T00:00:00.000Z"}'
  expect(JSON.stringify(decodeTenantEvent(stored('StoreSlotReserved', json))?.data)).toBe(json)
})

test.each(Object.entries(goldenOfKeys))('%s is read and written as stored', (type, json) => {
  const event = decodeApiKeyEvent(stored(type, json))
  expect(JSON.stringify(event)).toBe(`{"type":"${type}","data":${json}}`)
})

test.each(Object.entries(goldenOfOperations))('%s is read and written as stored', (type, json) => {
  const event = decodeOperationEvent(stored(type, json))
  expect(JSON.stringify(event)).toBe(`{"type":"${type}","data":${json}}`)
})

test.each(Object.entries(goldenOfReferences))('%s is read and written as stored', (type, json) => {
  const event = decodeReferenceEvent(stored(type, json))
  expect(JSON.stringify(event)).toBe(`{"type":"${type}","data":${json}}`)
})

test('a store that was requested before there were labels and references reads as one without any', () => {
  const json =
    golden['StoreRequested']?.replace('"labels":{"team":"shop"},"reference":"order-1",', '') ?? ''
  const event = decodeStoreEvent(stored('StoreRequested', json))
  if (event === undefined) throw new Error('it is not known')
  expect(JSON.stringify(event.data)).toBe(json)
  const state = store.evolve(store.initialState(), event)
  if (state.status === 'absent') throw new Error('it is absent')
  const view = storeViewOf(state, { updatedAt: '2026-01-01T00:00:00.000Z', revision: 0n })
  expect(view).toMatchObject({ labels: {}, reference: null })
})

test('F45: a type this version does not know is left out', () => {
  expect(decodeStoreEvent(stored('StoreMoved', '{}'))).toBeUndefined()
  expect(decodeTenantEvent(stored('TenantMoved', '{}'))).toBeUndefined()
})

test('F45: fields and reasons of a newer version do not make an event unreadable', () => {
  const json = golden['StoreFailed']?.replace('TIMEOUT', 'METEOR').replace('{', '{"new":1,') ?? ''
  const event = decodeStoreEvent(stored('StoreFailed', json))
  expect(event?.data).toMatchObject({ attempt: 3, reason: 'UNKNOWN' })
})

test.each([
  ['StoreFailed', '{"attempt":3}'],
  ['StoreRequested', '{"storeId":"x"}'],
  ['RetryRequested', '{"requestedAt":"yesterday"}'],
  ['StoreDeleted', 'null'],
])('%s with %s is unreadable, and the error says where it lies', (type, json) => {
  expect(() => decodeStoreEvent(stored(type, json))).toThrow(
    expect.objectContaining({
      code: 'EVENT_UNREADABLE',
      message: expect.stringContaining('store-x@7'),
      details: { stream: 'store-x', revision: '7' },
    }),
  )
})

test('metadata is read as it is stored; without an actor it is unreadable', () => {
  const json =
    '{"correlationId":"trace-1","causationId":"e1","actor":"user:demo","tenantId":"demo","schemaVersion":1,"commandId":"c1"}'
  const event = { ...stored('RetryRequested', '{}'), metadata: JSON.parse(json) }
  expect(JSON.stringify(decodeMetadata(event))).toBe(json)
  expect(() => decodeMetadata({ ...event, metadata: {} })).toThrow(/actor/)
})

test('metadata tells who acted, from where and why, where that is known', () => {
  const json =
    '{"correlationId":"trace-1","actor":"key:0f3a","actorName":"panel","asOperator":true,"address":"192.0.2.1","reason":"order 7","tenantId":"demo","schemaVersion":1,"commandId":"c1"}'
  const event = { ...stored('RetryRequested', '{}'), metadata: JSON.parse(json) }
  expect(JSON.stringify(decodeMetadata(event))).toBe(json)
})
