import { expect, test } from 'vitest'
import { coalesce } from './controller.ts'

test('calls during a run share one that begins after it, and no two run at a time', async () => {
  const begun: (() => void)[] = []
  let ended = 0
  const call = coalesce(async () => {
    await new Promise<void>((resolve) => begun.push(resolve))
    ended += 1
  })
  const first = call()
  const [second, third] = [call(), call()]
  expect(begun).toHaveLength(1)

  begun[0]?.()
  await first
  await Promise.resolve()

  expect(second).toBe(third)
  expect(begun).toHaveLength(2)
  expect(ended).toBe(1)
  begun[1]?.()
  await second
  expect(ended).toBe(2)
})

test('a run that fails fails its callers, and the next call begins another one', async () => {
  let runs = 0
  const call = coalesce(() => {
    runs += 1
    return runs === 1 ? Promise.reject(new Error('no')) : Promise.resolve()
  })
  const [first, second] = [call(), call()]

  await expect(first).rejects.toThrow('no')
  await second
  expect(runs).toBe(2)
})
