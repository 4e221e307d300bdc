import { expect, test } from 'vitest'
import { selects } from './endpoints.ts'

const labels = { app: 'shop', tier: 'db' }

test('an empty selector means every object, and every label it names has to be there', () => {
  expect(selects({}, {})).toBe(true)
  expect(selects({ matchLabels: { app: 'shop' } }, labels)).toBe(true)
  expect(selects({ matchLabels: { app: 'shop', tier: 'web' } }, labels)).toBe(false)
})

test.each([
  ['In', ['db'], true],
  ['In', ['web'], false],
  ['NotIn', ['db'], false],
  ['NotIn', ['web'], true],
  ['Exists', undefined, true],
  ['DoesNotExist', undefined, false],
])('%s %o of a label that is there is %s', (operator, values, expected) => {
  const matchExpressions = [{ key: 'tier', operator, ...(values && { values }) }]
  expect(selects({ matchExpressions }, labels)).toBe(expected)
})

test.each([
  ['In', false],
  ['NotIn', true],
  ['Exists', false],
  ['DoesNotExist', true],
])('%s of a label that is not there is %s', (operator, expected) => {
  const matchExpressions = [{ key: 'zone', operator, values: ['a'] }]
  expect(selects({ matchExpressions }, labels)).toBe(expected)
})

test('an operator that does not exist is an error, not an answer', () => {
  const matchExpressions = [{ key: 'tier', operator: 'Near' }]
  expect(() => selects({ matchExpressions }, labels)).toThrow('unknown operator Near')
})
