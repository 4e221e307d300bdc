import { tenant, type TenantEvent } from '#domain'
import { at, given } from '#test/given'
import { expect, test } from 'vitest'

const minute = (minutes: number) => at(minutes * 60)
const reserve = (storeId: string, now = at(0)) =>
  ({ type: 'ReserveSlot', storeId, storesMax: 2, now }) as const
const release = (storeId: string, reason: 'deleted' | 'abandoned' = 'deleted', now = at(1)) =>
  ({ type: 'ReleaseSlot', storeId, reason, now }) as const
const reserved = (storeId: string, reservedAt = at(0)): TenantEvent => ({
  type: 'StoreSlotReserved',
  data: { storeId, reservedAt },
})
const released = (storeId: string, reason: 'deleted' | 'abandoned' = 'deleted'): TenantEvent => ({
  type: 'StoreSlotReleased',
  data: { storeId, reason, releasedAt: at(1) },
})

test('a slot is reserved once for a store', () => {
  expect(given(tenant).when(reserve('a'))).toEqual([reserved('a')])
  expect(given(tenant, reserved('a')).when(reserve('a', minute(4)))).toEqual([])
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

test('a slot is released once, and only one that was reserved', () => {
  expect(given(tenant, reserved('a')).when(release('a'))).toEqual([released('a')])
  expect(given(tenant, reserved('a'), released('a')).when(release('a'))).toEqual([])
  expect(given(tenant).when(release('a'))).toEqual([])
})

test('a slot is abandoned when it has been without a store for ten minutes, not earlier', () => {
  const { when } = given(tenant, reserved('a'))
  expect(when(release('a', 'abandoned', minute(9)))).toEqual([])
  expect(when(release('a', 'abandoned', minute(10)))).toMatchObject([
    { type: 'StoreSlotReleased', data: { storeId: 'a', reason: 'abandoned' } },
  ])
})

test('a repetition renews an old slot, also at the limit, and then it is not abandoned', () => {
  const full = given(tenant, reserved('a'), reserved('b'))
  const renewed = reserved('a', minute(5))
  expect(full.when(reserve('a', minute(5)))).toEqual([renewed])
  const after = given(tenant, reserved('a'), reserved('b'), renewed)
  expect(after.when(release('a', 'abandoned', minute(14)))).toEqual([])
  expect([...after.state.reserved.keys()]).toEqual(['b', 'a'])
})

test('an abandoned slot can be reserved again by the request that returns', () => {
  const after = given(tenant, reserved('a'), released('a', 'abandoned'))
  expect(after.when(reserve('a'))).toEqual([reserved('a')])
})

test('what is kept in memory are the stores of the tenant, not those it has had', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => `store-${n}`)
  const history = ids.flatMap((id) => [reserved(id), released(id)])
  expect(given(tenant, ...history, reserved('last')).state).toEqual({
    reserved: new Map([['last', at(0)]]),
  })
})

test('two folds share nothing, and neither do a state and its copy', () => {
  const { state } = given(tenant, reserved('a'))
  const copy = tenant.copy?.(state)
  tenant.evolve(state, released('a'))
  expect(given(tenant).state.reserved.size).toBe(0)
  expect(copy?.reserved.size).toBe(1)
})
