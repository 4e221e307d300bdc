import { expect, test } from 'vitest'
import type { WaitingTenant } from '#postgres'
import { fairTurns, limitTenants } from './concurrency.ts'

test('a tenant gets no more permits than the limit, and other tenants get theirs', () => {
  const tenants = limitTenants(2)
  tenants.tryAcquire('a')
  tenants.tryAcquire('a')

  expect(tenants.tryAcquire('a')).toBeUndefined()
  expect(tenants.tryAcquire('b')).toBeDefined()
})

test('a released permit can be acquired again', () => {
  const tenants = limitTenants(1)
  tenants.tryAcquire('a')?.[Symbol.dispose]()

  expect(tenants.tryAcquire('a')).toBeDefined()
})

const waits = (tenantId: string, busy: number): WaitingTenant => ({
  tenantId,
  busy,
  storeId: `first of ${tenantId}`,
})

function turnsOf(...waiting: WaitingTenant[]) {
  const errors: unknown[] = []
  const turns = fairTurns({
    listWaiting: async () => waiting,
    onError: (error) => void errors.push(error),
  })
  return { ...turns, waiting, errors }
}

test('a tenant with less in progress comes first, and one with more does not', async () => {
  const { before } = turnsOf(waits('burst', 3), waits('other', 0))

  expect(await before('burst')).toBe('first of other')
  expect(await before('other')).toBeUndefined()
})

test('of tenants with equally much in progress each is served in turn', async () => {
  const { before, begin } = turnsOf(waits('a', 1), waits('b', 1), waits('c', 1))
  const order: string[] = []
  // The messages are those of one tenant alone.
  for (let slot = 0; slot < 6; slot++) {
    const first = (await before('a')) ?? 'first of a'
    const tenantId = first.replace('first of ', '')
    begin(tenantId)
    order.push(tenantId)
  }

  expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
})

test('a tenant whose turn came to nothing is passed over for a moment, so that it holds up nobody', async () => {
  const { before } = turnsOf(waits('burst', 3), waits('at its limit', 1))
  await before('burst')

  expect(await before('burst')).toBeUndefined()
})

test('a tenant without a store that is due holds up nobody', async () => {
  const { before } = turnsOf(waits('burst', 3), { tenantId: 'later', busy: 0, storeId: null })

  expect(await before('burst')).toBeUndefined()
})

test('without an answer of the read models messages are taken in their order, and they are not asked each time', async () => {
  let asked = 0
  const errors: unknown[] = []
  const { before } = fairTurns({
    listWaiting: () => {
      asked++
      return new Promise(() => {})
    },
    onError: (error) => void errors.push(error),
  })

  expect([await before('a'), await before('a'), await before('b')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect([asked, errors.length]).toEqual([1, 1])
})
