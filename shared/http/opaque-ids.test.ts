import { assert, bigInt, property, stringMatching } from 'fast-check'
import { expect, test } from 'vitest'
import { opaqueIds } from './opaque-ids.ts'

const ids = opaqueIds('a key of this installation')
const position = bigInt({ min: 0n, max: 2n ** 63n - 1n })
const tenant = stringMatching(/^[A-Za-z0-9][\w.-]{0,63}$/)

test('every process with the key reads the token of any position', () => {
  const other = opaqueIds('a key of this installation')
  assert(
    property(position, tenant, (at, tenantId) => {
      expect(other.positionOf(ids.tokenOf(at, tenantId), tenantId)).toBe(at)
      expect(other.positionOf(ids.freshTokenOf(at, tenantId), tenantId)).toBe(at)
    }),
  )
})

test('a token shows nothing of its position', () => {
  const tokens = Array.from({ length: 1_000 }, (_, at) => ids.tokenOf(BigInt(at), 'demo'))

  expect(new Set(tokens.map((token) => token.slice(0, 8))).size).toBe(1_000)
  expect(tokens.toSorted()).not.toEqual(tokens)
})

test('whether the log has moved on cannot be seen in a fresh token', () => {
  const tokens = Array.from({ length: 100 }, () => ids.freshTokenOf(7n, 'demo'))

  expect(new Set(tokens).size).toBe(100)
})

test("another tenant's token, one of another key, an altered one and a number are none", () => {
  const token = ids.tokenOf(7n, 'demo')
  const alterations = Array.from(token, (at, index) => {
    const other = at === 'A' ? 'B' : 'A'
    return token.slice(0, index) + other + token.slice(index + 1)
  })

  const none = [opaqueIds('another key').tokenOf(7n, 'demo'), '7', '', `${token}A`, ...alterations]

  expect(ids.positionOf(token, 'mallory')).toBeUndefined()
  for (const text of none) expect(ids.positionOf(text, 'demo')).toBeUndefined()
})

test('a worker has one name for a tenant, which tells nothing of its machine', () => {
  const name = ids.workerOf('host-7-ab', 'demo')

  expect(ids.workerOf('host-7-ab', 'demo')).toBe(name)
  expect(name).toMatch(/^w-[\da-f]{12}$/)
  expect(
    new Set([name, ids.workerOf('host-8-ab', 'demo'), ids.workerOf('host-7-ab', 'x')]).size,
  ).toBe(3)
})
