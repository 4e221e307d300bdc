import { mayExist, tenant, type TenantEvent, type TenantLimits } from '#domain'
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

const set = (limits: TenantLimits, suspended = false, now = at(0)) =>
  ({ type: 'SetTenant', limits, suspended, now }) as const
const limited = (limits: TenantLimits): TenantEvent => ({
  type: 'TenantLimitsSet',
  data: { limits, setAt: at(0) },
})
const suspended: TenantEvent = { type: 'TenantSuspended', data: { suspendedAt: at(0) } }
const large = (storeId: string, now = at(0)) =>
  ({ ...reserve(storeId, now), plan: 'large' }) as const

test('a tenant’s own quota takes the place of the default, also when it is larger', () => {
  const ids = ['a', 'b', 'c']
  const history = [limited({ stores: 3 }), ...ids.slice(0, 2).map((id) => reserved(id))]
  expect(given(tenant, ...history).when(reserve('c'))).toEqual([reserved('c')])
  expect(() => given(tenant, ...history, reserved('c')).when(reserve('d'))).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXCEEDED' }),
  )
  expect(() => given(tenant, limited({ stores: 0 })).when(reserve('a'))).toThrow('0 stores')
})

test('the quota of a plan counts stores of that plan only, and an upgrade counts for the new plan', () => {
  const { state, when } = given(tenant, limited({ plans: { large: 1 } }))
  const [first] = when(large('a'))
  if (first === undefined) throw new Error('no slot')
  const after = tenant.evolve(state, first)
  expect(() => tenant.decide(after, large('b'))).toThrow('1 stores of plan large')
  expect(tenant.decide(after, { ...reserve('b'), plan: 'small' })).toHaveLength(1)
  tenant.evolve(after, reserved('b'))
  const toLarge = { type: 'ChangeSlotPlan', storeId: 'b', plan: 'large', now: at(1) } as const
  expect(() => tenant.decide(after, toLarge)).toThrow(
    expect.objectContaining({ code: 'QUOTA_EXCEEDED' }),
  )
  tenant.evolve(after, released('a'))
  expect(tenant.decide(after, toLarge)).toMatchObject([{ type: 'StoreSlotPlanChanged' }])
})

test('a repeated request renews the slot with the plan that an upgrade has given it', () => {
  const changed: TenantEvent = {
    type: 'StoreSlotPlanChanged',
    data: { storeId: 'a', plan: 'large', changedAt: at(1) },
  }
  const after = given(tenant, reserved('a'), changed)
  expect(after.when({ ...reserve('a', minute(6)), plan: 'small' })).toMatchObject([
    { type: 'StoreSlotReserved', data: { plan: 'large' } },
  ])
})

test('a suspended tenant gets no slot and no change; a repetition gets the slot it has', () => {
  const { when } = given(tenant, reserved('a'), suspended)
  const refused = expect.objectContaining({
    code: 'TENANT_SUSPENDED',
    details: { nextAction: expect.stringContaining('operators') },
  })
  expect(() => when(reserve('b'))).toThrow(refused)
  expect(() => when({ type: 'AdmitChange' })).toThrow(refused)
  expect(when(reserve('a'))).toEqual([])
  expect(when(release('a'))).toEqual([released('a')])
})

test('setting what is set already causes nothing; each change is an event of its own', () => {
  const limits = { stores: 5, plans: { large: 1 } }
  expect(given(tenant).when(set({}))).toEqual([])
  expect(given(tenant).when(set(limits, true))).toEqual([limited(limits), suspended])
  expect(given(tenant, limited(limits)).when(set({ plans: { large: 1 }, stores: 5 }))).toEqual([])
  expect(given(tenant, limited(limits)).when(set({ stores: 5 }))).toEqual([limited({ stores: 5 })])
  const after = given(tenant, limited(limits), suspended)
  expect(after.when(set(limits))).toEqual([{ type: 'TenantResumed', data: { resumedAt: at(0) } }])
  expect(after.state.settings).toMatchObject({ limits, suspended: true, version: 2 })
})
