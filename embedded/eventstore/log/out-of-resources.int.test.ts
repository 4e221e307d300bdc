import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { connect } from 'node:http2'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { startEventStore } from '../start.ts'
import { collect } from '#test/servers/official-client'

const STREAM = 'test'
const OTHERS = 5
const EVENT_BYTES = 900_000

test('F44: without file descriptors the event store serves those who are connected; others get in when there are again', async () => {
  await using folder = await tempFolder()
  await using server = await startEventStore({ dataDir: folder.path })
  const client = EventStoreDBClient.connectionString(server.url)
  const written = [await append(client)]

  limit(server.pid, `--nofile=${firstFree(server.pid)}:`)
  const others = await Promise.all(Array.from({ length: OTHERS }, () => knock(server.port)))
  written.push(await append(client))
  limit(server.pid, `--nofile=${firstFree(server.pid) + OTHERS}:`)
  const late = await knock(server.port)

  expect(others.map(({ isIn }) => isIn)).toEqual(others.map(() => false))
  expect(late.isIn).toBe(true)
  for (const { leave } of [...others, late]) leave()
  await client.dispose()
  expect(await readAll(server.url)).toEqual(written)
})

test('F44: an event store that aborts amid appends, as V8 does when memory is out, loses nothing it has acknowledged', async () => {
  await using folder = await tempFolder()
  const acknowledged: string[] = []
  {
    await using server = await startEventStore({ dataDir: folder.path })
    const client = EventStoreDBClient.connectionString(server.url)
    const fill = async () => {
      for (;;) acknowledged.push(await append(client, EVENT_BYTES))
    }
    const filling = [fill(), fill(), fill(), fill()].map((one) => one.catch((error) => error))
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(8))

    process.kill(server.pid, 'SIGABRT')

    await server.exited
    expect(await Promise.all(filling)).toMatchObject(filling.map(() => ({ code: 14 })))
    await client.dispose()
  }
  await using again = await startEventStore({ dataDir: folder.path })
  expect(await readAll(again.url)).toEqual(expect.arrayContaining(acknowledged))
})

/** Of a process that runs. */
function limit(pid: number, what: string): void {
  execFileSync('prlimit', ['--pid', String(pid), what])
}

/** The number its next file would get. */
function firstFree(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let number = 0
  while (open.has(number)) number++
  return number
}

/** A connection of its own; in when the server has said its first word. */
async function knock(port: number) {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  const isIn = await new Promise<boolean>((resolve) => {
    session.once('remoteSettings', () => resolve(true))
    session.once('close', () => resolve(false))
  })
  return { isIn, leave: () => session.destroy() }
}

async function append(client: EventStoreDBClient, bytes = 1): Promise<string> {
  const event = jsonEvent({ type: 'Happened', data: { text: 'x'.repeat(bytes) } })
  await client.appendToStream(STREAM, event)
  return event.id
}

async function readAll(url: string): Promise<(string | undefined)[]> {
  const client = EventStoreDBClient.connectionString(url)
  try {
    return (await collect(client.readStream(STREAM))).map(({ event }) => event?.id)
  } finally {
    await client.dispose()
  }
}
