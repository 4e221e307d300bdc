import { expect, test } from 'vitest'
import { freePort } from './free-port.ts'

test('a port that nobody listens at yet is given once', async () => {
  const ports: number[] = []
  for (let count = 0; count < 500; count++) ports.push(await freePort())

  expect(new Set(ports).size).toBe(ports.length)
})
