import { eventually } from '#test/eventually'
import { shortTimings, testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { leaseStream } from '../topology.ts'
import { leaseSubject } from './record.ts'
import { openLeases } from './leases.ts'

async function worker(url: string) {
  const messaging = await testMessaging(url)
  const leases = openLeases(messaging, shortTimings)
  return { ...leases, messaging, [Symbol.asyncDispose]: messaging.close }
}

test('a lease is held for every worker as long as it is renewed', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await eventually(async () => expect(await other.statusOf('s1', 'none')).toBe('silent'))

  expect(await mine.renew('s1', 'c1')).toBe(true)

  expect(await other.statusOf('s1', 'c1')).toBe('held')
  expect(await mine.statusOf('s1', 'c1')).toBe('held')
})

test('a lease that is not renewed is silent after a while', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await mine.renew('s1', 'c1')
  await mine.messaging.close()

  await eventually(async () => expect(await other.statusOf('s1', 'c1')).toBe('silent'))
})

test('a released lease is known as such at once, also to a worker that has just started', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await mine.renew('s1', 'c1')
  await mine.release('s1', 'c1')

  await using newcomer = await worker(nats.url)

  expect(await newcomer.statusOf('s1', 'c1')).toBe('released')
})

test('a worker that has just started cannot tell whether an absent lease is silent', async () => {
  await using nats = await testNats()
  await using newcomer = await worker(nats.url)

  expect(await newcomer.statusOf('s1', 'c1')).toBe('unknown')
})

test('without NATS nothing is renewed and nothing is known', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await nats.kill()

  expect(await mine.renew('s1', 'c1')).toBe(false)
  expect(await other.statusOf('s1', 'c1')).toBe('unknown')
})

test('F43: a lease that the server’s clock let expire early is held while renewals are heard', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await eventually(async () => expect(await other.statusOf('s1', 'none')).toBe('silent'))
  await mine.renew('s1', 'c1')

  // As a clock that jumps ahead does.
  const manager = await nats.connection.jetstreamManager()
  await manager.streams.purge(leaseStream, { filter: leaseSubject('s1', 'c1') })

  expect(await other.statusOf('s1', 'c1')).toBe('held')
})

test('F30: after the bucket was wiped a renewal makes it again, and absence proves nothing yet', async () => {
  await using nats = await testNats()
  await using mine = await worker(nats.url)
  await using other = await worker(nats.url)
  await eventually(async () => expect(await other.statusOf('s2', 'none')).toBe('silent'))
  const manager = await nats.connection.jetstreamManager()

  await manager.streams.delete(leaseStream)

  expect(await mine.renew('s1', 'c1')).toBe(true)
  expect(await other.statusOf('s2', 'none')).toBe('unknown')
})

test('F29: after a restart of NATS absence proves nothing until a live worker had time to renew', async () => {
  await using nats = await testNats()
  await using other = await worker(nats.url)
  await eventually(async () => expect(await other.statusOf('s1', 'c1')).toBe('silent'))

  await nats.kill()
  await nats.restart()
  await eventually(() => expect(other.messaging.connects()).toBe(2))

  expect(await other.statusOf('s1', 'c1')).toBe('unknown')
  await eventually(async () => expect(await other.statusOf('s1', 'c1')).toBe('silent'))
})
