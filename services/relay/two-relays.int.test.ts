import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '#test/eventually'
import { storedEvents, type StoredEvent } from '#test/stored-messages'
import { tempFolder } from '#test/temp-folder'
import { appendTo, testLog } from '#test/test-events'
import { testEventStore } from '#test/servers/test-eventstore'
import { testNats } from '#test/servers/test-nats'
import { expect, test } from 'vitest'
import { startProcess } from '../../embedded/processes/start-process.ts'

const program = fileURLToPath(new URL('main.ts', import.meta.url))
const types = ['StoreRequested', 'ProvisioningStarted', 'StoreProvisioned']
const KILLS = 6
const STORES_PER_KILL = 20

test('F9: two relays killed -9 in turn publish every event once, each store’s in order', async () => {
  await using nats = await testNats()
  await using log = await testEventStore()
  await using store = testLog(log.url)
  await using folder = await tempFolder()
  await using started = new AsyncDisposableStack()
  const start = async (name: string) => {
    const relay = await startProcess({
      command: process.execPath,
      args: [program],
      logFile: join(folder.path, `${name}.log`),
      env: { EVENTSTORE_URL: log.url, NATS_URL: nats.url, RELAY_WINDOW: '50' },
    })
    started.defer(relay.stop)
    return relay
  }
  const relays = [await start('first'), await start('second')]
  const ids: string[] = []

  for (let kill = 0; kill < KILLS; kill++) {
    const stores = Array.from({ length: STORES_PER_KILL }, () => randomUUID())
    const count = (await storedEvents(nats.connection).catch(() => [])).length
    const appended = Promise.all(stores.map((storeId) => appendTo(store, storeId, types)))
    await eventually(async () => {
      expect((await storedEvents(nats.connection)).length).toBeGreaterThan(count)
    })
    const [relay] = relays.splice(0, 1)
    if (relay !== undefined) process.kill(relay.pid, 'SIGKILL')
    relays.push(await start(`relay-${kill}`))
    ids.push(...(await appended).flat())
  }
  const events = await eventually(async () => {
    const stored = await storedEvents(nats.connection)
    expect(new Set(stored.map(({ eventId }) => eventId))).toEqual(new Set(ids))
    return stored
  })

  expect(events).toHaveLength(ids.length)
  expect(outOfOrder(events)).toEqual([])
}, 120_000)

/** Subjects that stand behind a later revision of the same store. */
function outOfOrder(events: StoredEvent[]): string[] {
  const newest = new Map<string, number>()
  return events
    .map(({ subject }) => subject)
    .filter((subject) => {
      const [, storeId = '', revision] = subject.split('.')
      const isLate = (newest.get(storeId) ?? -1) >= Number(revision)
      newest.set(storeId, Math.max(newest.get(storeId) ?? -1, Number(revision)))
      return isLate
    })
}
