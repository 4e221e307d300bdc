import { expect, test } from 'vitest'
import { labelSafe } from './namespace.ts'

test.each(['demo', 'Team-7.eu_west', 'a'.repeat(63)])('%s is a label as it is', (text) => {
  expect(labelSafe(text)).toBe(text)
})

test.each(['', 'två', 'a b', '-a', 'a-', 'a'.repeat(64)])(
  '%o gets a name of its own that a label can hold',
  (text) => {
    const others = ['x', `${text}x`, ` ${text}`].map(labelSafe)
    expect(labelSafe(text)).toMatch(/^[a-z0-9][-a-z0-9]{0,61}[a-z0-9]$/)
    expect(others).not.toContain(labelSafe(text))
  },
)
