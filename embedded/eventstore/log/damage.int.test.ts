import { EventStoreDBClient } from '@eventstore/db-client'
import { tempFolder } from '#test/temp-folder'
import { appendFile, copyFile, open, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEventStore } from '../start.ts'
import { collect, eventOf, freshIds } from '#test/servers/official-client'

const EVENTS = 5

let written: { path: string; ids: string[]; positions: number[] } & AsyncDisposable
beforeAll(async () => {
  const folder = await tempFolder('storewright-damage-')
  const ids = freshIds(EVENTS)
  const positions: number[] = []
  await using server = await startEventStore({ dataDir: folder.path })
  const client = EventStoreDBClient.connectionString(server.url)
  for (const id of ids) {
    const { position } = await client.appendToStream('test', eventOf(id))
    positions.push(Number(position?.commit))
  }
  await client.dispose()
  written = { ...folder, ids, positions }
})
afterAll(() => written[Symbol.asyncDispose]())

/** A copy of a data folder that holds five appends of one event each, its server stopped. */
async function writtenFolder() {
  const folder = await tempFolder('storewright-damage-')
  const log = join(folder.path, 'events.log')
  await copyFile(join(written.path, 'events.log'), log)
  return { ...folder, log }
}

async function idsIn(dataDir: string): Promise<{ ids: (string | undefined)[]; lines: string[] }> {
  const lines: string[] = []
  await using server = await startEventStore({ dataDir, onLine: (line) => lines.push(line) })
  const client = EventStoreDBClient.connectionString(server.url)
  const events = await collect(client.readStream('test'))
  await client.dispose()
  return { ids: events.map(({ event }) => event?.id), lines }
}

async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, position)
}

test.each([1, 7, 15, 60])('a write torn %i bytes short is cut off and said', async (missing) => {
  await using folder = await writtenFolder()
  const { size } = await stat(folder.log)
  await truncate(folder.log, size - missing)

  const { ids, lines } = await idsIn(folder.path)

  expect(ids).toEqual(written.ids.slice(0, -1))
  expect(lines.join('\n')).toContain('cut an unacknowledged write off the log')
  expect((await stat(folder.log)).size).toBeLessThan(size - missing)
})

test.each([
  ['zeros', new Uint8Array(5_000)],
  ['half a header', Uint8Array.from([200, 0, 0, 0, 1])],
])('%s behind the last record are cut off', async (_case, tail) => {
  await using folder = await writtenFolder()
  await appendFile(folder.log, tail)

  expect((await idsIn(folder.path)).ids).toEqual(written.ids)
})

test('what is written after a torn write was cut is read back', async () => {
  await using folder = await writtenFolder()
  await truncate(folder.log, (await stat(folder.log)).size - 3)
  const [id = ''] = freshIds(1)
  {
    await using server = await startEventStore({ dataDir: folder.path })
    const client = EventStoreDBClient.connectionString(server.url)
    await client.appendToStream('test', eventOf(id), { expectedRevision: BigInt(EVENTS - 2) })
    await client.dispose()
  }

  expect((await idsIn(folder.path)).ids).toEqual([...written.ids.slice(0, -1), id])
})

test('an empty file, left by a server that died while creating it, is taken', async () => {
  await using folder = await tempFolder('storewright-damage-')
  await writeFile(join(folder.path, 'events.log'), 'STORE')

  await using server = await startEventStore({ dataDir: folder.path })

  expect(server.port).toBeGreaterThan(0)
})

test.each(['body', 'length', 'checksum'])(
  'damage in the middle (%s) is refused, the byte named, the file left as it was',
  async (part) => {
    await using folder = await writtenFolder()
    // A record of one event starts 20 bytes before its event.
    const record = (written.positions[2] ?? 0) - 20
    const offset = { body: 60, length: 0, checksum: 4 }[part] ?? 0
    await overwrite(folder.log, record + offset, Uint8Array.from([0xde, 0xad]))
    const before = await readFile(folder.log)

    await expect(startEventStore({ dataDir: folder.path })).rejects.toThrow(
      `damaged at byte ${record}`,
    )
    expect(await readFile(folder.log)).toEqual(before)
  },
)

test('more unreadable bytes than one write can leave are damage, not a torn write', async () => {
  await using folder = await writtenFolder()
  const { size } = await stat(folder.log)
  await appendFile(folder.log, new Uint8Array(25 * 1024 * 1024).fill(7))

  await expect(startEventStore({ dataDir: folder.path })).rejects.toThrow(`byte ${size}`)
})

test('a file that is something else is refused', async () => {
  await using folder = await tempFolder('storewright-damage-')
  await writeFile(join(folder.path, 'events.log'), 'this is somebody’s diary, not a log of events')

  await expect(startEventStore({ dataDir: folder.path })).rejects.toThrow('is not an event log')
})
