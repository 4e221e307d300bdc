import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { storedEvents } from '#test/stored-messages'
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

test('F32: while the disk of NATS is full the relay says so, and publishes the rest afterwards', async () => {
  await using folder = await tempFolder()
  await using log = await testEventStore()
  await using store = testLog(log.url)
  const port = await freePort()
  const NATS_URL = `nats://127.0.0.1:${port}`
  await using small = await natsServer(folder.path, port, '8KB')
  const relay = await start(parseConfig({ EVENTSTORE_URL: log.url, NATS_URL, LOG_LEVEL: 'silent' }))
  await using started = new AsyncDisposableStack()
  started.defer(relay.close)
  const appending = Array.from({ length: 40 }, () => appendTo(store, randomUUID(), ['A', 'B']))
  const ids = (await Promise.all(appending)).flat()

  await eventually(async () => expect(await metric(relay.url, 'relay_failing')).toBe(1))
  const { status } = await fetch(`${relay.url}/health/ready`)
  await small.stop()
  await using large = await natsServer(folder.path, port, '64MB')
  const connection = await connect({ servers: large.url, waitOnFirstConnect: true })
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

async function natsServer(folder: string, port: number, maxFileStore: string) {
  const config = join(folder, `${maxFileStore}.conf`)
  const storeDir = JSON.stringify(join(folder, 'data'))
  await writeFile(
    config,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${storeDir}, max_file_store: ${maxFileStore} }\n`,
  )
  const logFile = join(folder, 'nats.log')
  const command = toolPath('nats-server')
  const server = await startProcess({ command, args: ['-c', config], logFile })
  return { ...server, url: `nats://127.0.0.1:${port}`, [Symbol.asyncDispose]: server.stop }
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
