import { eventually } from '#test/eventually'
import { shortTimings, testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { placeStream } from '../topology.ts'
import { openPlaces, type Place } from './semaphore.ts'
import { placeSubject, readPlace, writePlace } from './record.ts'

const timings = { leaseTtlMs: shortTimings.leaseTtlMs, renewEveryMs: 300 }
const one = { name: 'g', placesMax: 1 }
const never = new AbortController().signal

async function worker(url: string) {
  const messaging = await testMessaging(url)
  const places = openPlaces(messaging, timings)
  const close = async () => {
    places.close()
    await messaging.close()
  }
  return { ...places, messaging, [Symbol.asyncDispose]: close }
}

/** Waits for a place, which is kept until it is given back. */
async function taken(waiting: Promise<Place | undefined>): Promise<Place> {
  const place = await waiting
  if (place === undefined) throw new Error('no place')
  return place
}

test('there are as many places as there may be for all workers together', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const group = { name: 'g', placesMax: 3 }

  const tries = await Promise.all([mine, other, mine, other].map(({ take }) => take1(take)))

  expect(tries.filter((place) => place !== undefined)).toHaveLength(3)
  expect(await mine.tryTake(group)).toBeUndefined()
  expect(await mine.tryTake({ name: 'another', placesMax: 1 })).toBeDefined()

  function take1(take: typeof mine.take) {
    return take(group, AbortSignal.timeout(1_000))
  }
})

test('a place that is given back goes to a worker that waits', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const place = await taken(mine.take(one, never))
  let waits = true
  const waiting = taken(other.take(one, never)).finally(() => (waits = false))
  await eventually(async () => expect(await other.tryTake(one)).toBeUndefined())
  expect(waits).toBe(true)

  await place[Symbol.asyncDispose]()

  await waiting
  expect(await mine.tryTake(one)).toBeUndefined()
})

test('a place is kept for as long as it is renewed, and comes back when its holder is silent', async () => {
  await using nats = await testNats()
  await using other = await worker(nats.url)
  const mine = await worker(nats.url)
  await taken(mine.take(one, never))
  const since = performance.now()
  await eventually(() => expect(performance.now() - since).toBeGreaterThan(2 * timings.leaseTtlMs))
  expect(await other.tryTake(one)).toBeUndefined()

  await mine[Symbol.asyncDispose]()

  await taken(other.take(one, never))
})

test('who has lost a place does not give it back in the name of its new holder', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  const place = await taken(mine.take(one, never))
  const subject = placeSubject('g', 0)
  const { sequence } = await readPlace(other.messaging, subject)
  await writePlace(other.messaging, subject, { expected: sequence, holder: 'new' })

  await place[Symbol.asyncDispose]()

  expect(await readPlace(other.messaging, subject)).toMatchObject({ holder: 'new' })
})

test('F30: after the bucket was wiped a holder shows its place again', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await taken(mine.take(one, never))
  const manager = await nats.connection.jetstreamManager()

  await manager.streams.purge(placeStream)

  const stored = () => readPlace(mine.messaging, placeSubject('g', 0))
  await eventually(async () => expect((await stored()).holder).toBeDefined())
})

test('F29: after a restart of NATS nobody takes a place before its holder had time to show it', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await taken(mine.take(one, never))
  let got = 0
  const stop = new AbortController()
  const waiting = other.take(one, stop.signal).then((place) => (got += place ? 1 : 0))

  await nats.kill()
  await nats.restart()
  const stored = () => readPlace(mine.messaging, placeSubject('g', 0))
  await eventually(async () => expect((await stored()).holder).toBeDefined())
  const until = performance.now() + 3 * timings.leaseTtlMs
  await eventually(() => expect(performance.now()).toBeGreaterThan(until))

  expect(got).toBe(0)
  stop.abort()
  await waiting
})

test('F43: a place that the server’s clock never lets expire is free once it has stood still', async () => {
  await using nats = await testNats()
  // As with a clock that jumped back: the server keeps it for longer than its holder may be silent.
  await using messaging = await testMessaging(nats.url, {
    timings: { ackWaitMs: 60_000, leaseTtlMs: 60_000 },
  })
  const places = openPlaces(messaging, timings)
  await writePlace(messaging, placeSubject('g', 0), { expected: 0, holder: 'dead' })
  expect(await places.tryTake(one)).toBeUndefined()

  await taken(places.take(one, never))
  places.close()
})

test('without NATS no place is taken, and waiting ends when asked to', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await nats.kill()
  const stop = new AbortController()
  const waiting = mine.take(one, stop.signal)
  expect(await mine.tryTake(one)).toBeUndefined()

  stop.abort()

  expect(await waiting).toBeUndefined()
})
