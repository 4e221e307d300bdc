import { expect, test } from 'vitest'
import { inTurn } from './keyed-queue.ts'

test('work on one key runs one after the other, on two keys side by side', async () => {
  const owner = {}
  const order: string[] = []
  const work = (name: string) => async () => {
    order.push(`${name} begins`)
    await new Promise(setImmediate)
    order.push(`${name} ends`)
  }

  await Promise.all([
    inTurn(owner, 'a', work('a1')),
    inTurn(owner, 'a', work('a2')),
    inTurn(owner, 'b', work('b')),
  ])

  expect(order.slice(0, 2)).toEqual(['a1 begins', 'b begins'])
  expect(order.indexOf('a2 begins')).toBeGreaterThan(order.indexOf('a1 ends'))
})

test('work that fails does not block what follows', async () => {
  const owner = {}
  const failing = inTurn(owner, 'a', () => Promise.reject(new Error('broken')))
  const following = inTurn(owner, 'a', () => Promise.resolve('done'))

  await expect(failing).rejects.toThrow('broken')
  await expect(following).resolves.toBe('done')
})

test('work that hangs delays what follows for a moment only', async () => {
  const owner = {}
  let release: () => void = () => undefined
  const hanging = inTurn(owner, 'a', () => new Promise<void>((resolve) => (release = resolve)))

  await expect(inTurn(owner, 'a', () => Promise.resolve('done'))).resolves.toBe('done')

  release()
  await hanging
})
