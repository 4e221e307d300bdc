import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { storedEvents } from '#test/stored-messages'
import { noSmallDisks, type SmallDisks, smallDisks } from '#test/stack/small-disks'
import { tempFolder } from '#test/temp-folder'
import { appendTo, testLog } from '#test/test-events'
import { testEventStore } from '#test/servers/test-eventstore'
import { connect } from 'nats'
import { expect, test } from 'vitest'
import { freePort } from '../../embedded/processes/free-port.ts'
import { startProcess } from '../../embedded/processes/start-process.ts'
import { toolPath } from '../../embedded/tools.ts'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

test('F32: while the disk of NATS is full the relay says so, and publishes the rest afterwards', async ({
  skip,
}) => {
  skip(noSmallDisks !== undefined, noSmallDisks)
  await using folder = await tempFolder()
  const data = join(folder.path, 'data')
  await using disks = await smallDisks({ [data]: 32 })
  await using log = await testEventStore()
  await using store = testLog(log.url)
  const port = await freePort()
  const NATS_URL = `nats://127.0.0.1:${port}`
  await using nats = await natsServer(disks, { data, port })
  const relay = await start(parseConfig({ EVENTSTORE_URL: log.url, NATS_URL, LOG_LEVEL: 'silent' }))
  await using started = new AsyncDisposableStack()
  started.defer(relay.close)
  await eventually(async () => expect((await fetch(`${relay.url}/health/ready`)).status).toBe(200))
  disks.fill(data)
  const appending = Array.from({ length: 40 }, () => appendTo(store, randomUUID(), ['A', 'B']))
  const ids = (await Promise.all(appending)).flat()

  await eventually(async () => expect(await metric(relay.url, 'relay_failing')).toBe(1))
  const { status } = await fetch(`${relay.url}/health/ready`)
  disks.free(data)
  // It takes no write after one that failed.
  await nats.stop()
  await using _ = await natsServer(disks, { data, port })
  const connection = await connect({ servers: NATS_URL, waitOnFirstConnect: true })
  const stored = await eventually(async () => {
    const events = await storedEvents(connection)
    expect(events).toHaveLength(ids.length)
    return events
  })

  expect(status).toBe(503)
  expect(new Set(stored.map(({ eventId }) => eventId))).toEqual(new Set(ids))
  await eventually(async () => expect(await metric(relay.url, 'relay_failing')).toBe(0))
  await connection.close()
}, 90_000)

async function natsServer(disks: SmallDisks, { data, port }: { data: string; port: number }) {
  const [command = '', ...by] = disks.by
  const listen = ['--addr', '127.0.0.1', '--port', `${port}`]
  const args = [...by, toolPath('nats-server'), '--jetstream', ...listen, '--store_dir', data]
  const server = await startProcess({ command, args, logFile: `${data}.log` })
  return { ...server, [Symbol.asyncDispose]: server.stop }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
