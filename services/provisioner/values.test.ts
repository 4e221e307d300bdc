import type { StoreRequested } from '#domain'
import { assert, constantFrom, oneof, property, string } from 'fast-check'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { refuseUnsafeText, storeValues } from './values.ts'

const request: StoreRequested = {
  storeId: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11',
  tenantId: 'demo',
  name: 'Test Store',
  engine: 'medusa',
  plan: 'small',
  fingerprint: '',
  requestedAt: '2026-01-01T00:00:00.000Z',
}

test('the same request always gives the same bytes, without a secret', () => {
  const { yaml, digest, host } = storeValues(request, 's-abc', 'stores.example.com')
  expect(yaml).toBe(`existingSecret: 'store-secret'
host: 's-abc.stores.example.com'
plan: 'small'
store:
  id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
  name: 'Test Store'
  tenant: 'demo'
`)
  expect(host).toBe('s-abc.stores.example.com')
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
})

test('any text that is not refused is read back as the very same text and nothing else', () => {
  const text = oneof(string({ unit: 'binary' }), constantFrom('true', '~', '- a: b', '0x1'))
  assert(
    property(text, (name) => {
      const named = { ...request, name }
      if (isRefused(named)) return
      const { yaml } = storeValues(named, 's-abc', 'example.com')
      expect(load(yaml)).toMatchObject({ plan: 'small', store: { name, tenant: 'demo' } })
    }),
    { numRuns: 1_000 },
  )
})

test.each(['a\nb', 'a\u0000', '\u001b[0m', '`id`', '{{ x', 'x }}', '\ud800', '\u2028', '\u0085'])(
  'the name %j is refused',
  (name) => {
    expect(() => refuseUnsafeText({ ...request, name })).toThrow(/The name holds/)
  },
)

test('a tenant is checked like a name', () => {
  expect(() => refuseUnsafeText({ ...request, tenantId: '`x`' })).toThrow(/The tenantId holds/)
})

test.each(["Zoë's shop & söns", '店', '🛒 {x}', '#1: "best"'])('the name %j is taken', (name) => {
  expect(() => refuseUnsafeText({ ...request, name })).not.toThrow()
})

function isRefused(named: StoreRequested): boolean {
  try {
    refuseUnsafeText(named)
    return false
  } catch {
    return true
  }
}
