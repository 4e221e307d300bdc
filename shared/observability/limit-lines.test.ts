import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { kindOfError, limitLines } from './limit-lines.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('the first line of a kind comes at once, the others as one a second with their number', () => {
  const { written, line } = limited()

  for (let at = 1; at <= 50; at++) line('away', at)
  expect(written).toEqual([['away', 1, {}]])

  vi.advanceTimersByTime(1_000)
  expect(written.slice(1)).toEqual([['away', 50, { times: 49 }]])

  line('away', 51)
  vi.advanceTimersByTime(1_000)
  expect(written.slice(2)).toEqual([['away', 51, {}]])
})

test('a kind is not held up by another, nor by what is long past', () => {
  const { written, line } = limited()

  line('away', 1)
  line('denied', 2)
  vi.advanceTimersByTime(1_000)
  line('away', 3)

  expect(written.map(([kind]) => kind)).toEqual(['away', 'denied', 'away'])
})

test('kinds without end become one', () => {
  const { written, line } = limited()

  for (let at = 0; at < 5_000; at++) line(`kind ${at}`, at)
  vi.advanceTimersByTime(1_000)

  expect(written.length).toBeLessThan(510)
  expect(written.reduce((sum, [, , { times = 1 }]) => sum + times, 0)).toBe(5_000)
})

test('errors that differ by their numbers and ids only are of one kind', () => {
  const away = (port: number) =>
    new Error('The event store is not available', { cause: new Error(`127.0.0.1:${port} refused`) })
  const unknown = (id: string) => new TypeError(`Store ${id} is odd`)

  expect(kindOfError(away(1))).toBe(kindOfError(away(22)))
  expect(kindOfError(unknown('0a1b2c3d-1111-4222-8333-944445555666'))).toBe(
    kindOfError(unknown('ffffffff-1111-4222-8333-a44445555666')),
  )
  expect(kindOfError(away(1))).not.toBe(kindOfError(new Error('The event store is not available')))
  expect(kindOfError('text')).toBe('text')
})

function limited() {
  const written: [string, number, { times?: number }][] = []
  const limit = limitLines()
  return {
    written,
    line: (kind: string, at: number) => limit(kind, (counted) => written.push([kind, at, counted])),
  }
}
