import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { tenantStream } from '#domain'
import { openEventStore, type EventStore } from '#eventstore'
import { eventually } from '#test/eventually'
import { freshTenant } from '#test/http/client'
import { logReader } from '#test/http/log-reader'
import { testEventStore } from '#test/servers/test-eventstore'
import { tenantSlots } from './tenant-quota.ts'

const events = await testEventStore()
const store = openEventStore({ connectionString: events.url, timeoutMs: 20_000 })
afterAll(async () => {
  void store.close()
  await events[Symbol.asyncDispose]()
})

const context = { correlationId: 'c', actor: 'user:test' }
const slotsOn = (on: EventStore, storesMax = 1_000) =>
  tenantSlots({ store: on, storesMax, now: () => new Date() })

test('writers that race agree on one time for each slot, and one of them made it', async () => {
  const tenantId = freshTenant()
  const writers = [slotsOn(store), slotsOn(store), slotsOn(store)]
  const ids = Array.from({ length: 30 }, () => randomUUID())

  const slots = await Promise.all(
    ids.map((id) =>
      Promise.all(writers.map((writer) => writer.reserve(id, { tenantId, context }))),
    ),
  )

  for (const ofStore of slots) {
    expect(new Set(ofStore.map(({ reservedAt }) => reservedAt)).size).toBe(1)
    expect(ofStore.filter(({ isNew }) => isNew)).toHaveLength(1)
  }
  expect(await logReader(store, tenantId).slotEvents()).toHaveLength(30)
})

test('all that is asked for at the same time is one append', async () => {
  const tenantId = freshTenant()
  let appends = 0
  const counting: EventStore = {
    ...store,
    append: (...args) => {
      appends++
      return store.append(...args)
    },
  }
  const slots = slotsOn(counting)

  await Promise.all(
    Array.from({ length: 200 }, () => slots.reserve(randomUUID(), { tenantId, context })),
  )

  expect(appends).toBe(2)
})

test('a slot reserved by another writer is known after a fresh look', async () => {
  const tenantId = freshTenant()
  const [one, other] = [slotsOn(store), slotsOn(store)]
  const storeId = randomUUID()
  expect(await other.knows(tenantId, storeId)).toBe(false)
  await one.reserve(storeId, { tenantId, context })

  expect(await other.knows(tenantId, storeId)).toBe(false)
  expect(await other.knows(tenantId, storeId, { fresh: true })).toBe(true)
})

test('what could not be stored is not remembered, and can be asked for again', async () => {
  const tenantId = freshTenant()
  await using lost = await testEventStore()
  const impatient = openEventStore({ connectionString: lost.url, timeoutMs: 300 })
  const slots = slotsOn(impatient)
  await slots.reserve(randomUUID(), { tenantId, context })
  await lost.kill()
  const storeId = randomUUID()
  const reserve = () => slots.reserve(storeId, { tenantId, context })
  await expect(reserve()).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })
  expect(await slots.knows(tenantId, storeId)).toBe(false)

  await lost.restart()

  expect(await eventually(reserve)).toMatchObject({ isNew: true })
  void impatient.close()
})

test('many tenants do not fill the memory: the oldest are read again', async () => {
  const slots = tenantSlots({ store, storesMax: 10, now: () => new Date(), tenantsMax: 2 })
  const tenants = Array.from({ length: 5 }, freshTenant)
  const ids = new Map(tenants.map((tenantId) => [tenantId, randomUUID()]))
  for (const [tenantId, storeId] of ids) await slots.reserve(storeId, { tenantId, context })

  for (const [tenantId, storeId] of ids)
    expect(await slots.reserve(storeId, { tenantId, context })).toMatchObject({ isNew: false })
})

test('a slot that was released stays known', async () => {
  const tenantId = freshTenant()
  const slots = slotsOn(store, 1)
  const storeId = randomUUID()
  const { reservedAt } = await slots.reserve(storeId, { tenantId, context })
  const id = randomUUID()
  const metadata = { ...context, tenantId, schemaVersion: 1, commandId: id }
  const data = { storeId, reason: 'deleted', releasedAt: new Date().toISOString() }
  await store.append(
    tenantStream(tenantId),
    [{ id, type: 'StoreSlotReleased', data, metadata }],
    0n,
  )

  await slots.reserve(randomUUID(), { tenantId, context })

  expect(await slots.reserve(storeId, { tenantId, context })).toEqual({ reservedAt, isNew: false })
})
