import { expect, test } from 'vitest'
import { at, given } from '#test/given'
import { type EndedHold, reference, type ReferenceEvent } from './reference.ts'

const one = '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
const other = '4f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
const hold = { storeId: one, revision: -1, reservedAt: at(0) }
const reserved = (requestId: string, more: Partial<typeof hold> = {}): ReferenceEvent => ({
  type: 'ReferenceReserved',
  data: { reference: 'order-1', ...hold, requestId, ...more },
})
const reserve = (requestId: string, more: { storeId?: string; revision?: number } = {}) =>
  ({
    type: 'ReserveReference',
    reference: 'order-1',
    storeId: one,
    revision: -1,
    requestId,
    now: at(0),
    ...more,
  }) as const
const release = (requestId: string, storeId = one) =>
  ({ type: 'ReleaseReference', storeId, requestId, now: at(1) }) as const

test('a reference that is free is reserved, once for a request', () => {
  expect(given(reference).when(reserve('a'))).toEqual([reserved('a')])
  expect(given(reference, reserved('a')).when(reserve('a'))).toEqual([])
})

test("another store does not get it, and is told the holder's id", () => {
  const held = given(reference, reserved('a'))
  expect(() => held.when(reserve('b', { storeId: other }))).toThrow(
    expect.objectContaining({ code: 'REFERENCE_TAKEN', details: { storeId: one } }),
  )
})

test('another store gets it only with proof that this very hold has ended', () => {
  const held = given(reference, reserved('a'))
  const taking = reserve('b', { storeId: other })
  const ended: EndedHold = { ...hold, reason: 'abandoned' }
  expect(held.when({ ...taking, ended }).map(({ type }) => type)).toEqual([
    'ReferenceReleased',
    'ReferenceReserved',
  ])
  const renewed = given(reference, reserved('a'), reserved('c', { reservedAt: at(300) }))
  for (const changed of [ended, { ...ended, revision: 0 }, { ...ended, storeId: other }])
    expect(() => renewed.when({ ...taking, ended: changed })).toThrow(/has this reference/)
})

test('of two requests that share a hold, one that is refused does not take it from the other', () => {
  const shared = given(reference, reserved('a'), reserved('b'))
  const released = shared.when(release('a'))
  expect(released).toMatchObject([{ type: 'ReferenceReleased', data: { requestId: 'a' } }])
  const after = given(reference, reserved('a'), reserved('b'), ...released)
  expect(after.state).toMatchObject({ status: 'reserved', requests: ['b'] })
  const free = given(
    reference,
    reserved('a'),
    reserved('b'),
    ...released,
    ...after.when(release('b')),
  )
  expect(free.state).toEqual({ status: 'free' })
})

test('a hold at an earlier revision of its store neither replaces a later one nor gives it back', () => {
  const later = given(reference, reserved('a'), reserved('b', { revision: 3 }))
  expect(later.when(reserve('a', { revision: 2 }))).toEqual([])
  expect(later.when(release('a'))).toEqual([])
  expect(later.when(release('b', other))).toEqual([])
})
