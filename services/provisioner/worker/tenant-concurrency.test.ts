import { expect, test } from 'vitest'
import { tenantSlots } from './concurrency.ts'

test('a tenant gets no more slots than it may have, and others get theirs', () => {
  const slots = tenantSlots(2)
  slots.take('a')
  slots.take('a')

  expect(slots.take('a')).toBeUndefined()
  expect(slots.take('b')).toBeDefined()
})

test('a slot that was given back can be taken again', () => {
  const slots = tenantSlots(1)
  slots.take('a')?.[Symbol.dispose]()

  expect(slots.take('a')).toBeDefined()
})
