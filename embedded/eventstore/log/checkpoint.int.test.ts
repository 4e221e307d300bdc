import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { execa } from 'execa'
import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { collect, eventOf, freshIds } from '#test/servers/official-client'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { type RunningEventStore, startEventStore } from '../start.ts'
import { openEventLog } from './event-log.ts'

const program = fileURLToPath(new URL('../main.ts', import.meta.url))
const STREAMS = 10_000
/** A few of them are as long as the checkpoint, so that the next one is due. */
const LIVE_TEXT = 'x'.repeat(200_000)

async function withClient<Result>(
  { url }: RunningEventStore,
  work: (client: EventStoreDBClient) => Promise<Result>,
): Promise<Result> {
  const client = EventStoreDBClient.connectionString(url)
  try {
    return await work(client)
  } finally {
    await client.dispose()
  }
}

/** A folder whose checkpoint takes a while to write. */
async function manyStreams() {
  const folder = await tempFolder('storewright-checkpoint-')
  const log = openEventLog(folder.path, () => undefined, { checkpointBytes: Infinity })
  const events = freshIds(STREAMS).map((id, n) => ({
    id,
    stream: `stream-${n}-${'x'.repeat(60)}`,
    revision: 0n,
    createdMs: n,
    type: 'Happened',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: Buffer.from('{}'),
  }))
  await log.commit(events)
  await log.close()
  const checkpoint = join(folder.path, 'events.log.checkpoint')
  return { ...folder, checkpoint, unfinished: `${checkpoint}.new` }
}

test('kill -9 at any moment of writing a checkpoint loses and doubles nothing', async () => {
  await using folder = await manyStreams()
  const sent: string[] = []
  const answered: string[] = []
  let torn = 0
  /** The first checkpoint is due at start, and more of them beside the appends. */
  const atStart = () => existing(folder.unfinished)
  const whenWritten = () => existing(folder.checkpoint)
  const besideAppends = async () => {
    await existing(folder.checkpoint)
    const before = answered.length
    while (answered.length === before) await nextTurn()
    await existing(folder.unfinished)
    for (let turns = randomInt(40); turns > 0; turns--) await nextTurn()
  }
  for (const moment of [atStart, whenWritten, ...Array.from({ length: 6 }, () => besideAppends)]) {
    await rm(folder.checkpoint, { force: true })
    const server = await startEventStore({ dataDir: folder.path, checkpointBytes: 1 })
    await withClient(server, async (client) => {
      const killed = moment().then(() => process.kill(server.pid, 'SIGKILL'))
      const append = async () => {
        const event = jsonEvent({ type: 'Happened', data: { text: LIVE_TEXT } })
        sent.push(event.id)
        await client.appendToStream('live', event)
        answered.push(event.id)
      }
      const appending = async () => {
        for (;;) await append()
      }
      await Promise.allSettled([appending(), killed])
    })
    await server.exited
    if (existsSync(folder.unfinished)) torn++
  }

  await using server = await startEventStore({ dataDir: folder.path, checkpointBytes: 1 })
  const [live, others] = await withClient(server, async (client) => [
    await collect(client.readStream('live')),
    await collect(client.readStream(`stream-${STREAMS - 1}-${'x'.repeat(60)}`)),
  ])
  const stored = live.map(({ event }) => event?.id ?? '')
  expect(answered.length).toBeGreaterThan(5)
  expect(stored).toEqual(sent.filter((id) => stored.includes(id)))
  expect(stored).toEqual(expect.arrayContaining(answered))
  expect(others).toHaveLength(1)
  expect(torn).toBeGreaterThan(0)
})

async function existing(path: string): Promise<void> {
  while (!existsSync(path)) await nextTurn()
}

test('damage that no start has read answers DATA_LOSS where it is read, and a check finds it', async () => {
  await using folder = await tempFolder('storewright-checkpoint-')
  const positions: number[] = []
  {
    await using server = await startEventStore({ dataDir: folder.path, checkpointBytes: 1 })
    await withClient(server, async (client) => {
      for (const stream of ['a', 'b', 'c']) {
        const { position } = await client.appendToStream(stream, eventOf())
        positions.push(Number(position?.commit))
      }
    })
  }
  const check = () =>
    execa(process.execPath, [program, '--data-dir', folder.path, '--check'], { reject: false })
  expect(await check()).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('"events":3'),
  })
  const record = (positions[1] ?? 0) - 20
  await using log = await open(join(folder.path, 'events.log'), 'r+')
  await log.write(Uint8Array.from([0xde, 0xad]), 0, 2, record + 80)

  {
    const lines: string[] = []
    const onLine = (line: string) => void lines.push(line)
    await using server = await startEventStore({ dataDir: folder.path, onLine })
    await withClient(server, async (client) => {
      const refused = `DATA_LOSS: The event log is damaged at byte ${record}`
      await expect(collect(client.readStream('b'))).rejects.toThrow(refused)
      await expect(collect(client.readAll())).rejects.toThrow(refused)
      expect(await collect(client.readStream('c'))).toHaveLength(1)
      await client.appendToStream('b', eventOf())
    })
    expect(lines.filter((line) => line.includes('the event log is damaged'))).toHaveLength(1)
  }
  const { exitCode, stderr } = await check()
  expect(exitCode).toBe(1)
  expect(stderr).toContain(`damaged at byte ${record}`)
  await rm(join(folder.path, 'events.log.checkpoint'))
  await expect(startEventStore({ dataDir: folder.path })).rejects.toThrow(`byte ${record}`)
})
