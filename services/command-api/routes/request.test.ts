import { expect, test } from 'vitest'
import { requestStoreBody, upgradeStoreBody } from '#contracts'
import { fingerprintOf } from './request.ts'

const body = requestStoreBody.parse({ name: 'Test Store', engine: 'medusa', plan: 'large' })

test('the order in which a body is written does not matter, at any depth', () => {
  expect(fingerprintOf({ a: 1, b: { c: 2, d: [3, 4] } })).toBe(
    fingerprintOf({ b: { d: [3, 4], c: 2 }, a: 1 }),
  )
  expect(fingerprintOf({ list: [3, 4] })).not.toBe(fingerprintOf({ list: [4, 3] }))
})

test('what a body leaves out and what it sets to its default are the same request', () => {
  const { plan: _, ...withoutPlan } = body
  const small = { ...withoutPlan, plan: 'small' }
  expect(fingerprintOf(requestStoreBody.parse(withoutPlan))).toBe(
    fingerprintOf(requestStoreBody.parse(small)),
  )
})

const fields = new Set(requestStoreBody.options.flatMap(({ shape }) => Object.keys(shape)))
test.for([...fields])('another %s is another request', (field) => {
  expect(fingerprintOf({ ...body, [field]: 'other' })).not.toBe(fingerprintOf(body))
})

test('to keep the plan and to name it are two requests for an upgrade', () => {
  expect(fingerprintOf(upgradeStoreBody.parse({}))).not.toBe(
    fingerprintOf(upgradeStoreBody.parse({ plan: 'small' })),
  )
})
