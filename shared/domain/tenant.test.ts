import { mayExist, tenant, type TenantEvent } from '#domain'
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

test('a store that was deleted gets no second slot', () => {
  const after = given(tenant, reserved('a'), released('a'))
  expect(after.when(reserve('a'))).toEqual([])
})

test('a store may exist when it has a slot or was deleted, and not when its slot was abandoned', () => {
  const history = [reserved('a'), reserved('b'), released('b'), reserved('c')]
  const { state } = given(tenant, ...history, released('c', 'abandoned'))
  expect(['a', 'b', 'c', 'd'].map((id) => mayExist(state, id))).toEqual([true, true, false, false])
})

test('what is kept of deleted stores is bounded, and beyond that any store may exist', () => {
  const ids = Array.from({ length: 10_001 }, (_, n) => `store-${n}`)
  const history = ids.flatMap((id) => [reserved(id), released(id)])
  const { state } = given(tenant, ...history, reserved('last'))
  expect([...state.reserved.keys()]).toEqual(['last'])
  expect(state.deleted.size).toBe(10_000)
  expect(mayExist(state, 'never seen')).toBe(true)
})

test('two folds share nothing, and neither do a state and its copy', () => {
  const { state } = given(tenant, reserved('a'))
  const copy = tenant.copy?.(state)
  tenant.evolve(state, released('a'))
  expect(given(tenant).state.reserved.size).toBe(0)
  expect(copy?.reserved.size).toBe(1)
})
