import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { tenantStream } from '#domain'
import { openEventStore } from '#eventstore'
import { countingCalls } from '#test/event-store-events'
import { eventually } from '#test/eventually'
import { freshTenant } from '#test/http/client'
import { logReader } from '#test/http/log-reader'
import { testEventStore } from '#test/servers/test-eventstore'
import { type StoreQuota, storeQuota } from './store-quota.ts'

const events = await testEventStore()
const store = openEventStore({ connectionString: events.url, timeoutMs: 20_000 })
afterAll(async () => {
  void store.close()
  await events[Symbol.asyncDispose]()
})

const contextOf = (tenantId: string) => ({ tenantId, correlationId: 'c', actor: 'user:test' })
const minute = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes))

function quotaOn(on = store, { storesMax = 1_000, now = () => new Date() } = {}) {
  return storeQuota({ store: on, storesMax, now })
}

async function timeOf(quota: StoreQuota, storeId: string, context: ReturnType<typeof contextOf>) {
  return (await quota.reserve(storeId, context))?.reservedAt
}

test('writers that race agree on one time for each slot, and it is reserved once', async () => {
  const tenantId = freshTenant()
  const writers = [quotaOn(), quotaOn(), quotaOn()]
  const ids = Array.from({ length: 30 }, () => randomUUID())

  const times = await Promise.all(
    ids.map((id) => Promise.all(writers.map((writer) => timeOf(writer, id, contextOf(tenantId))))),
  )

  for (const ofStore of times) expect(new Set(ofStore).size).toBe(1)
  expect(await logReader(store, tenantId).slotEvents()).toHaveLength(30)
})

test('writers that reserve a slot at the same millisecond make one event of it', async () => {
  const tenantId = freshTenant()
  const now = () => minute(0)
  const writers = Array.from({ length: 5 }, () => quotaOn(store, { now }))
  const id = randomUUID()

  const times = await Promise.all(writers.map((each) => timeOf(each, id, contextOf(tenantId))))

  expect(new Set(times)).toEqual(new Set([minute(0).toISOString()]))
  expect(await logReader(store, tenantId).slotEvents()).toHaveLength(1)
})

test('reservations of one tenant at the same time are one append, and its stream is read once', async () => {
  const context = contextOf(freshTenant())
  const { store: counted, calls } = countingCalls(store)
  const quota = quotaOn(counted)

  await Promise.all(Array.from({ length: 200 }, () => quota.reserve(randomUUID(), context)))

  expect(calls).toEqual({ reads: 1, appends: 2 })
})

test('a reservation that could not be stored is not remembered, and can be made again', async () => {
  const tenantId = freshTenant()
  await using lost = await testEventStore()
  // Long enough for a busy machine to answer: only the call to the killed one has to wait for all of it.
  const impatient = openEventStore({ connectionString: lost.url, timeoutMs: 3_000 })
  const quota = quotaOn(impatient)
  await quota.reserve(randomUUID(), contextOf(tenantId))
  await lost.kill()
  const storeId = randomUUID()
  const reserve = () => timeOf(quota, storeId, contextOf(tenantId))
  await expect(reserve()).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  await lost.restart()

  const reservedAt = await eventually(reserve)

  const slots = await logReader(impatient, tenantId).slotEvents()
  expect(slots.at(-1)).toEqual({ type: 'StoreSlotReserved', data: { storeId, reservedAt } })
  await impatient.close()
})

test('many tenants do not fill the memory: the oldest are read again', async () => {
  const { store: counted, calls } = countingCalls(store)
  const quota = storeQuota({ store: counted, storesMax: 1, now: () => new Date(), tenantsMax: 2 })
  const tenants = Array.from({ length: 5 }, freshTenant)
  for (const tenantId of tenants) await quota.reserve(randomUUID(), contextOf(tenantId))

  for (const tenantId of tenants)
    await expect(quota.reserve(randomUUID(), contextOf(tenantId))).rejects.toMatchObject({
      code: 'QUOTA_EXCEEDED',
    })

  expect(calls.reads).toBe(10)
})

test('a repetition does not use a slot that was released as abandoned since', async () => {
  const context = contextOf(freshTenant())
  let now = minute(0)
  const [stale, other] = [0, 1].map(() => quotaOn(store, { storesMax: 1, now: () => now }))
  const storeId = randomUUID()
  await stale?.reserve(storeId, context)
  now = minute(11)
  await other?.reserve(randomUUID(), context)

  await expect(stale?.reserve(storeId, context)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
})

test('a repetition renews an old slot, so that nobody takes it while it is used', async () => {
  const context = contextOf(freshTenant())
  let now = minute(0)
  const [one, other] = [0, 1].map(() => quotaOn(store, { storesMax: 1, now: () => now }))
  const storeId = randomUUID()
  await one?.reserve(storeId, context)
  now = minute(6)
  expect(await one?.reserve(storeId, context)).toMatchObject({
    reservedAt: minute(6).toISOString(),
  })
  now = minute(11)

  const taking = other?.reserve(randomUUID(), context)

  await expect(taking).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
})

test('a writer that has missed a deletion reserves no slot for the deleted store', async () => {
  const context = contextOf(freshTenant())
  const [stale, other] = [quotaOn(), quotaOn()]
  await stale.reserve(randomUUID(), context)
  const storeId = randomUUID()
  await other.reserve(storeId, context)
  const data = { storeId, reason: 'deleted', releasedAt: new Date().toISOString() }
  const id = randomUUID()
  const metadata = { ...context, schemaVersion: 1, commandId: id }
  const released = [{ id, type: 'StoreSlotReleased', data, metadata }]
  await store.append(tenantStream(context.tenantId), released, 1n)
  expect(await stale.mayExist(storeId, context)).toBe(false)

  expect(await stale.reserve(storeId, context)).toBeUndefined()

  expect(await stale.mayExist(storeId, context)).toBe(true)
})
