import { expect, test } from 'vitest'
import { amountOf, widestLimitRange, widestQuota } from './widest-limits.ts'

test.each([
  ['750m', 0.75],
  ['1408Mi', 1408 * 2 ** 20],
  ['1e3', 1000],
  ['2k', 2000],
  ['0.5Gi', 2 ** 29],
  [10, 10],
] as const)('%s is %d', (quantity, amount) => {
  expect(amountOf(quantity)).toBe(amount)
})

test.each(['', 'Gi', '1.2.3', '5Xi', '-1'])('%j is no quantity', (text) => {
  expect(() => amountOf(text)).toThrow(`${text} is not a quantity`)
})

test('of two bounds the higher one stands, whatever the units', () => {
  const now = { hard: { pods: 10, 'requests.cpu': '1500m', 'limits.memory': '3Gi' } }
  const wanted = { hard: { pods: '20', 'requests.cpu': 1, 'limits.memory': '3072Mi' } }
  expect(widestQuota(now, wanted)).toEqual({
    hard: { pods: '20', 'requests.cpu': '1500m', 'limits.memory': '3072Mi' },
  })
})

test('a bound that only one of them has is as the newer one says', () => {
  const now = { hard: { 'count/jobs.batch': 5 } }
  expect(widestQuota(now, { hard: { pods: 3 } })).toEqual({ hard: { pods: 3 } })
})

test('the largest of a container and of a volume are told apart', () => {
  const container = (memory: string) => ({ type: 'Container', max: { memory } })
  const volume = (storage: string) => ({ type: 'PersistentVolumeClaim', max: { storage } })
  const now = { limits: [volume('100Gi'), container('512Mi')] }
  const wanted = { limits: [container('768Mi'), volume('5Gi'), { type: 'Pod' }] }
  expect(widestLimitRange(now, wanted)).toEqual({
    limits: [container('768Mi'), volume('100Gi'), { type: 'Pod' }],
  })
})

test('a bound of no amount is refused by name', () => {
  expect(() => widestQuota({ hard: { pods: 'many' } }, { hard: { pods: 3 } })).toThrow('many')
})
