import { expect, test } from 'vitest'
import { within } from './timeout.ts'

const never = new Promise<never>(() => undefined)

test('work that ends in time passes unchanged, good or bad', async () => {
  await expect(within(Promise.resolve('done'), 60_000)).resolves.toBe('done')
  await expect(within(Promise.reject(new Error('broken')), 60_000)).rejects.toThrow('broken')
})

test('work that takes too long is the event store not answering', async () => {
  await expect(within(never, 1)).rejects.toMatchObject({
    code: 'EVENT_STORE_UNAVAILABLE',
    retryable: true,
  })
})

test('an abort ends the wait with its reason, also one that came before', async () => {
  const controller = new AbortController()
  const waiting = within(never, 60_000, controller.signal)
  controller.abort(new Error('enough'))

  await expect(waiting).rejects.toThrow('enough')
  await expect(within(never, 60_000, controller.signal)).rejects.toThrow('enough')
})
