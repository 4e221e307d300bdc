import { expect, test } from 'vitest'
import { OutOfTimeError, within } from './timeout.ts'

const never = new Promise<never>(() => undefined)

test('work that ends in time passes unchanged, good or bad', async () => {
  await expect(within(Promise.resolve('done'), 60_000)).resolves.toBe('done')
  await expect(within(Promise.reject(new Error('broken')), 60_000)).rejects.toThrow('broken')
})

test('work that takes too long ends in an error of its own kind', async () => {
  await expect(within(never, 1)).rejects.toBeInstanceOf(OutOfTimeError)
})

test('an abort ends the wait with its reason, also one that came before', async () => {
  const controller = new AbortController()
  const waiting = within(never, 60_000, controller.signal)
  controller.abort(new Error('enough'))

  await expect(waiting).rejects.toThrow('enough')
  await expect(within(never, 60_000, controller.signal)).rejects.toThrow('enough')
})
