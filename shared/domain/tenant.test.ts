import { tenant, type TenantEvent } from '#domain'
import { at, given } from '#test/given'
import { expect, test } from 'vitest'

const reserve = (storeId: string, storesMax = 2) =>
  ({ type: 'ReserveSlot', storeId, storesMax, now: at(0) }) as const
const release = (storeId: string) =>
  ({ type: 'ReleaseSlot', storeId, reason: 'deleted', now: at(1) }) as const
const reserved = (storeId: string): TenantEvent => ({
  type: 'StoreSlotReserved',
  data: { storeId, reservedAt: at(0) },
})
const released = (storeId: string, reason: 'deleted' | 'abandoned' = 'deleted'): TenantEvent => ({
  type: 'StoreSlotReleased',
  data: { storeId, reason, releasedAt: at(1) },
})

test('a slot is reserved once for a store', () => {
  expect(given(tenant).when(reserve('a'))).toEqual([reserved('a')])
  expect(given(tenant, reserved('a')).when(reserve('a'))).toEqual([])
})

test('no slot is reserved beyond the limit', () => {
  const full = given(tenant, reserved('a'), reserved('b'))
  expect(() => full.when(reserve('c'))).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }))
  expect(full.when(reserve('a'))).toEqual([])
})

test('a released slot is free for another store', () => {
  const after = given(tenant, reserved('a'), reserved('b'), released('a'))
  expect(after.when(reserve('c'))).toEqual([reserved('c')])
})

test('a store that had a slot once gets no second one', () => {
  expect(given(tenant, reserved('a'), released('a')).when(reserve('a'))).toEqual([])
})

test('an abandoned slot can be reserved again by the request that returns', () => {
  const after = given(tenant, reserved('a'), released('a', 'abandoned'))
  expect(after.when(reserve('a'))).toEqual([reserved('a')])
})

test('a slot is released once, and only one that was reserved', () => {
  expect(given(tenant, reserved('a')).when(release('a'))).toEqual([released('a')])
  expect(given(tenant, reserved('a'), released('a')).when(release('a'))).toEqual([])
  expect(given(tenant).when(release('a'))).toEqual([])
})

test('two folds share nothing', () => {
  given(tenant, reserved('a'))
  expect(given(tenant).state.reserved.size).toBe(0)
})
