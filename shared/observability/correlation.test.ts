import { expect, test } from 'vitest'
import { correlationIdOf, traceparentOf } from './correlation.ts'

test('a short printable correlation id is kept', () => {
  expect(correlationIdOf('trace-123')).toBe('trace-123')
})

test.for([undefined, '', 'a b', 'x'.repeat(129), 'line\nbreak'])(
  'the correlation id %j is replaced by a new one',
  (given) => {
    const made = correlationIdOf(given)
    expect(made).not.toBe(given)
    expect(made).toMatch(/^[0-9a-f-]{36}$/)
  },
)

const wellFormed = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a well-formed traceparent is kept', () => {
  expect(traceparentOf(wellFormed)).toBe(wellFormed)
})

test.for([undefined, 'x', wellFormed.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32))])(
  'the traceparent %j is dropped',
  (given) => {
    expect(traceparentOf(given)).toBeUndefined()
  },
)
