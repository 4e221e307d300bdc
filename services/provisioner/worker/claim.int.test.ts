import { setTimeout as wait } from 'node:timers/promises'
import { AppError } from '#domain'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { failingDriver, messageOf, workerOf } from '#test/provisioner/worker'
import { dataOf } from '#test/store-history'
import { expect, test } from 'vitest'
import { handleMessage } from './handle-message.ts'

const unavailable = () => new AppError('EVENT_STORE_UNAVAILABLE', 'away', { retryable: true })

test('a store whose claim this worker gives up again and again is not given up for lost', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  const worker = workerOf(world, { driver: failingDriver(unavailable) })

  for (let times = 0; times < 13; times++) await handleMessage(messageOf(storeId), worker)

  const events = await world.history(storeId)
  const claims = dataOf(events, 'ProvisioningStarted')
  expect(claims).toHaveLength(13)
  expect(claims.slice(1).every(({ givenUp }) => givenUp)).toBe(true)
  expect(dataOf(events, 'StoreFailed')).toEqual([])
})

test('a claim whose worker released its lease is taken over at once, and its worker is not called dead', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  await handleMessage(
    messageOf(storeId),
    workerOf(world, { driver: failingDriver(unavailable), workerId: 'first' }),
  )
  const other = workerOf(world, { driver: failingDriver(unavailable), workerId: 'second' })

  await handleMessage(messageOf(storeId), other)

  const [first, second] = dataOf(await world.history(storeId), 'ProvisioningStarted')
  expect(second).toMatchObject({ worker: 'second', takesOver: first?.claimId, givenUp: true })
})

test('nothing is renewed once the lease is released', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  const calls: string[] = []
  const leases = {
    ...workerOf(world).leases,
    renew: async (_: string, claimId: string) => {
      calls.push(claimId)
      return true
    },
    release: async () => {
      calls.push('release')
      await wait(100)
    },
  }
  const driver = failingDriver(() => new AppError('CLAIM_LOST', 'gone'))

  await handleMessage(messageOf(storeId), workerOf(world, { leases, driver, renewEveryMs: 5 }))

  const [claimId] = calls
  const released = calls.indexOf('release')
  expect(released).toBeGreaterThan(0)
  expect(calls.slice(released)).not.toContain(claimId)
})
