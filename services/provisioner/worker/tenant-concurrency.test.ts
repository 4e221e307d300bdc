import { expect, test } from 'vitest'
import { limitTenants } from './concurrency.ts'

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
