import { setTimeout as wait } from 'node:timers/promises'
import { AppError, storeStream, tenantStream } from '#domain'
import type { Appended, EventStore, NewEvent } from '#eventstore'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { failingDriver, messageOf, workerOf } from '#test/provisioner/worker'
import { dataOf } from '#test/store-history'
import { expect, test } from 'vitest'
import type { Driver, ReleaseLabels } from '../reconcile/driver.ts'
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

test('a store whose log denies access waits, and none of its attempts fails', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  const denied = () => new AppError('EVENT_STORE_ACCESS_DENIED', 'denied')
  const message = messageOf(storeId)

  await handleMessage(message, workerOf(world, { driver: failingDriver(denied) }))

  const types = (await world.history(storeId)).map(({ type }) => type)
  expect(types).toEqual(['StoreRequested', 'ProvisioningStarted'])
  expect(message.settled).toEqual(['requeue'])
})

test('a claim and a result that were denied once are tried again', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  const denied = new Set<string>()
  const eventStore = appendingThrough(world.eventStore, async (append, [first]) => {
    if (first === undefined || denied.has(first.id)) return append()
    denied.add(first.id)
    throw new AppError('EVENT_STORE_ACCESS_DENIED', 'denied')
  })

  await handleMessage(messageOf(storeId), workerOf(world, { eventStore, driver: installing() }))

  const types = (await world.history(storeId)).map(({ type }) => type)
  expect(types.at(-1)).toBe('StoreProvisioned')
  expect(denied.size).toBe(3)
})

test('a claim that landed without its answer and was overtaken is not worked on', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  let fenced = 0
  const driver = { ...installing(), fence: async () => void fenced++ }
  // No other round: the cancellation is not what is tested here.
  const stopping = new AbortController()
  let tries = 0
  const eventStore = appendingThrough(world.eventStore, async (append, [first]) => {
    const appended = await append()
    if (first?.type !== 'ProvisioningStarted' || ++tries > 1) return appended
    await world.send(storeId, { type: 'RequestCancel', now: new Date().toISOString() })
    stopping.abort()
    throw new AppError('EVENT_STORE_UNAVAILABLE', 'The answer was lost')
  })
  const worker = workerOf(world, { eventStore, driver, stopping: stopping.signal })

  await handleMessage(messageOf(storeId), worker)

  expect(fenced).toBe(0)
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
  const lease = { renewEveryMs: 5, lostAfterMs: 60_000 }

  await handleMessage(messageOf(storeId), workerOf(world, { leases, driver, lease }))

  const [claimId] = calls
  const released = calls.indexOf('release')
  expect(released).toBeGreaterThan(0)
  expect(calls.slice(released)).not.toContain(claimId)
})

test('messages of a deleted store read its own stream only, and its slot is free', async () => {
  await using world = await provisionerWorld()
  const storeId = await deletingStore(world)
  const { eventStore, read } = readsOf(world)
  const worker = workerOf(world, { eventStore, driver: removing() })
  await handleMessage(messageOf(storeId), worker)
  const types = (await world.history(storeId)).map(({ type }) => type)
  expect(types.at(-1)).toBe('StoreDeleted')
  expect(await slotEvents(world)).toEqual(['StoreSlotReserved', 'StoreSlotReleased'])
  read.length = 0

  const again = messageOf(storeId)
  await handleMessage(again, worker)

  expect(again.settled).toEqual(['ack'])
  expect(read).toEqual([storeStream(storeId)])
})

test('the stream of a tenant that deletes many stores is folded once', async () => {
  await using world = await provisionerWorld()
  const ids = [await deletingStore(world), await deletingStore(world), await deletingStore(world)]
  const { eventStore, read } = readsOf(world)
  const worker = workerOf(world, { eventStore, driver: removing() })

  for (const id of ids) await handleMessage(messageOf(id), worker)

  expect(read.filter((stream) => stream === tenantStream('demo'))).toHaveLength(1)
  expect((await slotEvents(world)).filter((type) => type === 'StoreSlotReleased')).toHaveLength(3)
})

test('an install folds the stream of its store twice at most: before its claim and after its end', async () => {
  await using world = await provisionerWorld()
  const storeId = await world.request()
  const { eventStore, read } = readsOf(world)

  await handleMessage(messageOf(storeId), workerOf(world, { eventStore, driver: installing() }))

  const events = await world.history(storeId)
  expect(events.map(({ type }) => type)).toEqual([
    'StoreRequested',
    'ProvisioningStarted',
    'ProvisioningStepRecorded',
    'StoreProvisioned',
  ])
  expect(read.filter((stream) => stream === storeStream(storeId)).length).toBeLessThanOrEqual(2)
})

/** An event store that appends as `through` says. */
function appendingThrough(
  eventStore: EventStore,
  through: (append: () => Promise<Appended>, events: NewEvent[]) => Promise<Appended>,
): EventStore {
  return {
    ...eventStore,
    append: (stream, events, ...rest) =>
      through(() => eventStore.append(stream, events, ...rest), events),
  }
}

/** The world's event store, and the streams that were read from their beginning. */
function readsOf(world: { eventStore: EventStore }) {
  const read: string[] = []
  const eventStore: EventStore = {
    ...world.eventStore,
    readStream: (stream, options) => {
      if ((options?.from ?? 0n) === 0n) read.push(stream)
      return world.eventStore.readStream(stream, options)
    },
  }
  return { eventStore, read }
}

/** A driver that installs at once. */
function installing(): Driver {
  let labels: ReleaseLabels | undefined
  return {
    ...failingDriver(() => new Error('Nothing but an install was asked for')),
    fence: () => Promise.resolve(),
    observe: () =>
      Promise.resolve(labels === undefined ? { status: 'absent' } : { status: 'deployed', labels }),
    deploy: ({ request, values, chart }, { attempt, claimId }) => {
      const digests = { values: values.digest, chart: chart.digest }
      labels = { store: request.storeId, attempt, claim: claimId, ...digests }
      return Promise.resolve({ code: 0, signal: null, stderr: '', durationMs: 1 })
    },
  }
}

type World = Awaited<ReturnType<typeof provisionerWorld>>

async function deletingStore(world: World): Promise<string> {
  const storeId = await world.request()
  await world.reserveSlot(storeId)
  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
  return storeId
}

/** A driver for which there is nothing to remove any more. */
function removing(): Driver {
  return {
    ...failingDriver(() => new Error('Nothing but a removal was asked for')),
    fence: () => Promise.resolve(),
    observe: () => Promise.resolve({ status: 'absent' }),
  }
}

async function slotEvents({ eventStore }: World): Promise<string[]> {
  const types: string[] = []
  for await (const { type } of eventStore.readStream(tenantStream('demo'))) types.push(type)
  return types
}
