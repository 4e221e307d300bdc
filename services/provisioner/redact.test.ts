import { array, assert, constantFrom, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { redact } from './redact.ts'

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.split('')

test('a known secret is hidden wherever it appears and however it is encoded', () => {
  const secret = string({
    unit: constantFrom(...letters, '+', '/', ' ', '"', 'é'),
    minLength: 8,
    maxLength: 40,
  })
  const noise = string({ unit: 'binary', maxLength: 50 })
  assert(
    property(secret, array(noise, { maxLength: 3 }), (hidden, around) => {
      const base64 = Buffer.from(hidden).toString('base64')
      const forms = [hidden, base64, encodeURIComponent(hidden), JSON.stringify(hidden)]
      const text = forms.map((form) => [...around, form].join('~')).join('~')
      const shown = redact(text, [hidden])
      expect(shown).not.toContain(hidden)
      expect(shown).not.toContain(base64)
      expect(shown).not.toContain(encodeURIComponent(hidden))
    }),
  )
})

test('a secret of several lines is hidden line by line', () => {
  const secret = 'first line of it\nsecond line of it'
  expect(redact('log: second line of it', [secret])).toBe('log: [redacted]')
})

test('a secret that holds another is hidden whole', () => {
  expect(redact('x abcdefgh y', ['abcd', 'abcdefgh'])).toBe('x [redacted] y')
})

test.each([
  ['postgres://medusa:s3cr3t@db:5432/medusa', 'postgres://[redacted]@db:5432/medusa'],
  ['redis://:s3cr3t@cache:6379', 'redis://[redacted]@cache:6379'],
  ['DATABASE_PASSWORD=hunter2 next', 'DATABASE_PASSWORD=[redacted] next'],
  ['{"password":"hunter2","user":"x"}', '{"password":[redacted],"user":"x"}'],
  ["jwtSecret: 'hunter2'", 'jwtSecret: [redacted]'],
  ['Authorization: Bearer abcdef123456', 'Authorization: Bearer [redacted]'],
  ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic [redacted]'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is it', '[redacted] is it'],
  ['sk_live51HabcdefGHIJKLmn', '[redacted]'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----.', '[redacted].'],
  ['key 0123456789abcdef0123456789abcdef0123456789abcdef', 'key [redacted]'],
])('what looks like a secret is hidden: %s', (text, shown) => {
  expect(redact(text, [])).toBe(shown)
})

test.each([
  'exceeded quota: plan, requested: count/secrets=1, used: count/secrets=30, limited: count/secrets=30',
  'secret "store-secret" not found',
  'image shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  'pod s-aaaaaaaaaaaaaaaaaaaaaaaaaa-server-7c9d8f6b5d-x2x4k of s-aaaaaaaaaaaaaaaaaaaaaaaaaa',
  'secrets is forbidden: User "u" cannot list resource "secrets"',
  '/app/node_modules/@medusajs/framework/dist/http/utils/refetch-entities.js:12',
  'Error: connect ECONNREFUSED 10.0.0.1:5432',
])('what tells the cause is left: %s', (text) => {
  expect(redact(text, ['', 'u', 'abc'])).toBe(text)
})

test('long text without end is read in no time', () => {
  const text = 'a.'.repeat(50_000) + 'passwor'.repeat(5_000) + 'x'.repeat(50_000)
  expect(redact(text, [])).toBe(text)
})
