import { expect, test } from 'vitest'
import type { RecordedEvent } from '#eventstore'
import { recordedLog, uuidOf } from '#test/projector/recorded-log'
import { isClaimCurrent, loadStore } from './load-store.ts'

const storeId = uuidOf('store')
const step = { type: 'ProvisioningStepRecorded', data: stepOf(1) }
const change = {
  type: 'ChangeRequested',
  data: { generation: 2, changes: { name: 'A' }, fingerprint: 'f', requestedAt: at() },
}
const retry = { type: 'RetryRequested', data: { requestedAt: at() } }

test.for([
  [[], true],
  [[step], true],
  [[change, step, change], true],
  [[retry], false],
  [[change, retry], false],
  [[{ ...step, data: stepOf(2) }], false],
] as const)('behind a claim %j leaves it current: %s', async ([behind, current]) => {
  const log = recordedLog(behind.map((entry) => ({ storeId, ...entry })))

  expect(await isClaimCurrent(storeOf(log), storeId, { attempt: 1, revision: -1n })).toBe(current)
})

test('the cause of the work is what asked for it, and no change since', async () => {
  const metadata = { actor: 'user:test', tenantId: 't', schemaVersion: 1, commandId: 'c' }
  const log = recordedLog([retry, change].map((entry) => ({ storeId, ...entry }))).map((event) => ({
    ...event,
    metadata: { ...metadata, correlationId: `of ${event.type}` },
  }))

  const { cause } = await loadStore(storeOf(log), storeId)

  expect(cause?.correlationId).toBe('of RetryRequested')
})

function storeOf(log: RecordedEvent[]) {
  return {
    readStream: async function* () {
      yield* log
    },
  }
}

function stepOf(attempt: number) {
  return { attempt, step: 'install', detail: {}, recordedAt: at() }
}

function at() {
  return '2026-01-01T00:00:00.000Z'
}
