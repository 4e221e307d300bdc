import { randomUUID } from 'node:crypto'
import { eventStreamName, notifySubject } from '#contracts'
import { openLeases } from '#messaging'
import { eventually } from '#test/eventually'
import { testDatabase } from '#test/servers/test-database'
import { shortTimings, testMessaging } from '#test/servers/test-messaging'
import { testNats } from '#test/servers/test-nats'
import { createLogger } from '#observability'
import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { sweep } from './sweep.ts'

test('a store is left alone while its worker renews its lease, however long nothing is stored', async () => {
  await using nats = await testNats()
  await using messaging = await testMessaging(nats.url)
  await using database = await testDatabase()
  const leases = openLeases(messaging, shortTimings)
  const [worked, forgotten] = [randomUUID(), randomUUID()]
  for (const [id, at] of [
    [worked, '2026-01-01T00:00:00Z'],
    [forgotten, '2026-01-02T00:00:00Z'],
  ])
    await database.pool.query(
      `insert into stores (id, tenant_id, name, engine, status, created_at, updated_at, revision,
         position, view, state)
       values ($1, 'demo', 'x', 'medusa', 'provisioning', $2, $2, 0, 0, '{}', '{}')`,
      [id, at],
    )
  await leases.renew(worked, 'c1')
  const renewals = setInterval(() => void leases.renew(worked, 'c1'), 100)
  const stop = new AbortController()
  const sweeping = sweep({
    messaging,
    leases,
    pool: database.pool,
    logger: createLogger({ service: 'test', level: 'silent' }),
    metrics: createMetrics(),
    config: { SWEEP_EVERY_MS: 50, SWEEP_OLDER_THAN_MS: 1 },
    signal: stop.signal,
  })
  const notified = async () => {
    const manager = await messaging.connection.jetstreamManager()
    const info = await manager.streams.info(eventStreamName, { subjects_filter: 'notify.*' })
    return Object.keys(info.state.subjects ?? {})
  }

  // The other one has been silent for longer: its turn was before.
  await eventually(async () => expect(await notified()).toContain(notifySubject(forgotten)))

  expect(await notified()).toEqual([notifySubject(forgotten)])
  stop.abort()
  await sweeping
  clearInterval(renewals)
  leases.close()
})
