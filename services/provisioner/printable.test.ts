import { expect, test } from 'vitest'
import { printable } from './redact.ts'

test('control characters, line breaks and halves of characters become one line', () => {
  expect(printable(' a\u001b[31m\n\tb\u2028\u0000\ud800 ', 100)).toBe('a [31m b \ufffd')
})

test('of text that is too long the end is kept, or its start', () => {
  expect(printable('0123456789', 4)).toBe('…6789')
  expect(printable('0123456789', 4, 'start')).toBe('0123…')
})

test('a character is not halved by the cut', () => {
  expect(printable('🛒🛒', 3)).toBe('…\ufffd🛒')
})
