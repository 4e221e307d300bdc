import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCodes, isRetryable } from '#domain'
import { problemHeaders, problemOf } from './problem.ts'
import { answers } from './status-of-code.ts'

test('docs/errors.md explains every code, with the status it is answered with', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const rows = page.matchAll(/^\| ([A-Z_]+) +\| (\d{3}) +\| .{10,} \| .{5,} \|$/gm)

  const explained = [...rows].map(([, code, status]) => [code, Number(status)])

  const byCode = ([a]: unknown[], [b]: unknown[]) => (String(a) < String(b) ? -1 : 1)
  expect(explained.toSorted(byCode)).toEqual(
    errorCodes.map((code) => [code, answers[code].status]).toSorted(byCode),
  )
})

test('an answer says when to ask again only where the error may pass', () => {
  const hasTime = errorCodes.filter((code) => answers[code].retryAfter !== undefined)
  expect(hasTime.filter((code) => !isRetryable(code))).toEqual([])

  const about = { code: 'EVENT_STORE_UNAVAILABLE', instance: '/', correlationId: 'c' } as const
  expect(problemHeaders(problemOf(about))).toHaveProperty('retry-after', '2')
  const final = problemOf({ ...about, retryable: false })
  expect(problemHeaders(final)).not.toHaveProperty('retry-after')
})

test('what is said to be worth repeating says when', () => {
  const unavailable = errorCodes.filter((code) => answers[code].status === 503)

  expect(unavailable.every((code) => answers[code].retryAfter !== undefined)).toBe(true)
})
