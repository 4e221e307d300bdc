import { eventually } from '#test/eventually'
import { shortTimings, testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { permitStream } from '../topology.ts'
import { openSemaphore, type Permit } from './semaphore.ts'
import { permitSubject, readPermit, writePermit } from './permit.ts'

const timings = { leaseTtlMs: shortTimings.leaseTtlMs, renewEveryMs: 300 }
const one = { name: 'g', permitsMax: 1 }
const never = new AbortController().signal

async function worker(url: string) {
  const messaging = await testMessaging(url)
  const permits = openSemaphore(messaging, timings)
  const close = async () => {
    permits.close()
    await messaging.close()
  }
  return { ...permits, messaging, [Symbol.asyncDispose]: close }
}

/** Waits for a permit, which is kept until it is released. */
async function taken(waiting: Promise<Permit | undefined>): Promise<Permit> {
  const permit = await waiting
  if (permit === undefined) throw new Error('no permit')
  return permit
}

test('no more permits are held than the group has, in all processes together', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const group = { name: 'g', permitsMax: 3 }

  const tries = await Promise.all([mine, other, mine, other].map(tryFor))

  expect(tries.filter((permit) => permit !== undefined)).toHaveLength(3)
  expect(await mine.tryAcquire(group)).toBeUndefined()
  expect(await mine.tryAcquire({ name: 'another', permitsMax: 1 })).toBeDefined()

  function tryFor({ acquire }: typeof mine) {
    return acquire(group, AbortSignal.timeout(1_000))
  }
})

test('a released permit goes to a process that waits', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const permit = await taken(mine.acquire(one, never))
  let waits = true
  const waiting = taken(other.acquire(one, never)).finally(() => (waits = false))
  await eventually(async () => expect(await other.tryAcquire(one)).toBeUndefined())
  expect(waits).toBe(true)

  await permit[Symbol.asyncDispose]()

  await waiting
  expect(await mine.tryAcquire(one)).toBeUndefined()
})

test('a permit is held while it is renewed, and free when its holder is silent', async () => {
  await using nats = await testNats()
  await using other = await worker(nats.url)
  const mine = await worker(nats.url)
  await taken(mine.acquire(one, never))
  const since = performance.now()
  await eventually(() => expect(performance.now() - since).toBeGreaterThan(2 * timings.leaseTtlMs))
  expect(await other.tryAcquire(one)).toBeUndefined()

  await mine[Symbol.asyncDispose]()

  await taken(other.acquire(one, never))
})

test('a process that lost its permit does not release it for the new holder', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const permit = await taken(mine.acquire(one, never))
  const subject = permitSubject('g', 0)
  const { sequence } = await readPermit(other.messaging, subject)
  await writePermit(other.messaging, subject, { expected: sequence, holder: 'new' })

  await permit[Symbol.asyncDispose]()

  expect(await readPermit(other.messaging, subject)).toMatchObject({ holder: 'new' })
})

test('F30: after the bucket was wiped a holder renews its permit', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await taken(mine.acquire(one, never))
  const manager = await nats.connection.jetstreamManager()

  await manager.streams.purge(permitStream)

  const stored = () => readPermit(mine.messaging, permitSubject('g', 0))
  await eventually(async () => expect((await stored()).holder).toBeDefined())
})

test('F29: after a restart of NATS no permit is acquired before its holder had time to renew it', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await taken(mine.acquire(one, never))
  let got = 0
  const stop = new AbortController()
  const waiting = other.acquire(one, stop.signal).then((permit) => (got += permit ? 1 : 0))

  await nats.kill()
  await nats.restart()
  const stored = () => readPermit(mine.messaging, permitSubject('g', 0))
  await eventually(async () => expect((await stored()).holder).toBeDefined())
  const until = performance.now() + 3 * timings.leaseTtlMs
  await eventually(() => expect(performance.now()).toBeGreaterThan(until))

  expect(got).toBe(0)
  stop.abort()
  await waiting
})

test('F43: a permit that the server’s clock never lets expire is free once it has not changed for long enough', async () => {
  await using nats = await testNats()
  // As with a clock that jumped back: the server keeps it for longer than its holder may be silent.
  await using messaging = await testMessaging(nats.url, {
    timings: { ackWaitMs: 60_000, leaseTtlMs: 60_000 },
  })
  const permits = openSemaphore(messaging, timings)
  await writePermit(messaging, permitSubject('g', 0), { expected: 0, holder: 'dead' })
  expect(await permits.tryAcquire(one)).toBeUndefined()

  await taken(permits.acquire(one, never))
  permits.close()
})

test('without NATS no permit is acquired, and waiting ends on abort', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await nats.kill()
  const stop = new AbortController()
  const waiting = mine.acquire(one, stop.signal)
  expect(await mine.tryAcquire(one)).toBeUndefined()

  stop.abort()

  expect(await waiting).toBeUndefined()
})
