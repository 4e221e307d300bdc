import { expect, test } from 'vitest'
import { isSuitable } from './helm.ts'

test.each(['v3.22.0', 'v4.1.4', 'v4.1.10', 'v4.3', 'v4.3.1+g1234', 'v4.10.0-rc.1'])(
  'helm %s is taken',
  (version) => expect(isSuitable(version)).toBe(true),
)

test.each(['v2.17.0', 'v4.0.0', 'v4.1.3', 'v4.1', 'v5.0.0', 'hello', ''])(
  'helm %j is refused',
  (version) => expect(isSuitable(version)).toBe(false),
)
