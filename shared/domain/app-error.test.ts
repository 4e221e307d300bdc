import { AppError } from '#domain'
import { expect, test } from 'vitest'

test('an error that may pass says so wherever it is thrown, and one error can differ from its code', () => {
  expect(new AppError('EVENT_STORE_UNAVAILABLE', 'down').retryable).toBe(true)
  expect(new AppError('CHART_INVALID', 'a key is missing').retryable).toBe(false)
  expect(new AppError('CHART_INVALID', 'changed in use', { retryable: true }).retryable).toBe(true)
})
