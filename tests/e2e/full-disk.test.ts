import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { noSmallDisks, type SmallDisks, smallDisks } from '#test/stack/small-disks'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'

const patience = { timeoutMs: 90_000, everyMs: 200 }
const STORES = 8
const limit = { timeout: 400_000 }
const LOGS_MEGABYTES = 16
const SEGMENT_BYTES = 16 * 1_048_576

/** Each part, and how its process is recognised. */
const parts = {
  'event-store': /eventstore\/main\.ts/,
  'nats-server': /\/nats-server /,
  postgres: /bin\/postgres /,
}
type Part = keyof typeof parts

test.for([{ logs: 'on a disk of their own' }, { logs: 'on the same disk' }])(
  'F35, F36: on a full disk with its logs $logs parts that are killed come back, reads go on, and all goes on when there is space',
  limit,
  async ({ logs }, { skip }) => {
    skip(noSmallDisks !== undefined, noSmallDisks)
    await using world = await onSmallDisks(({ data }) => ({
      [data]: 160,
      ...(logs !== 'on the same disk' && { [join(data, 'logs')]: LOGS_MEGABYTES }),
    }))
    const { client, disks, data, ready } = world

    disks.fill(data)
    await eventually(async () => expect((await client.request({})).status).toBe(503), patience)
    for (const part of ['event-store', 'nats-server'] as const) await killUntilReplaced(world, part)
    disks.fill(data)
    expect((await client.get('/api/stores')).status).toBe(200)
    expect((await client.get(`/api/stores/${ready}`)).status).toBe(200)
    // It cannot even write its pid: it is tried again until there is space.
    for (const pid of pidsOf(disks, 'postgres')) process.kill(pid, 'SIGKILL')
    await eventually(async () => {
      disks.fill(data)
      expect((await client.get('/api/stores')).status).toBe(503)
    }, patience)
    disks.free(data)

    await expectToGoOn(world)
  },
)

test(
  'F32: what is requested while the disk of NATS is full becomes ready when there is space, and nothing else ends',
  limit,
  async ({ skip }) => {
    skip(noSmallDisks !== undefined, noSmallDisks)
    await using world = await onSmallDisks(({ disk }) => ({ [disk('nats-server')]: 16 }))
    const { stack, client, disks, disk, ready } = world
    const before = await stack.pids()

    disks.fill(disk('nats-server'))
    const ids = await acceptSome(world)
    await eventually(async () => {
      const metrics = await (await client.get('/metrics/relay')).text()
      expect(metrics).toMatch(/^relay_failing 1$/m)
    }, patience)
    expect((await client.get(`/api/stores/${ready}`)).status).toBe(200)
    disks.free(disk('nats-server'))

    for (const id of ids) await client.untilStatus(id, 'ready', patience.timeoutMs)
    await expectToGoOn(world)
    const { 'nats-server': _, ...others } = await stack.pids()
    expect(before).toMatchObject(others)
  },
)

test(
  'F39: while the disk of PostgreSQL is full reads go on; when it cannot even write its own log they return with the space',
  limit,
  async ({ skip }) => {
    skip(noSmallDisks !== undefined, noSmallDisks)
    await using world = await onSmallDisks(({ disk }) => ({ [disk('postgres')]: 130 }))
    const { client, disks, disk, ready } = world

    disks.fill(disk('postgres'))
    const ids = await acceptSome(world)
    await eventually(async () => {
      for (const id of ids)
        expect((await client.events(id)).map(({ type }) => type)).toContain('StoreProvisioned')
    }, patience)
    expect((await client.get('/api/stores')).status).toBe(200)
    expect((await client.get(`/api/stores/${ready}`)).status).toBe(200)
    await fillWriteAheadLog(world)
    await eventually(
      async () => expect((await client.get('/api/stores')).status).toBe(503),
      patience,
    )
    disks.free(disk('postgres'))

    for (const id of ids) await client.untilStatus(id, 'ready', patience.timeoutMs)
    await expectToGoOn(world)
  },
)

const componentNames: Part[] = ['event-store', 'nats-server', 'postgres']

interface Places {
  data: string
  disk: (part: Part) => string
}

/** `npm start` with some of its folders on small disks and what it says on the first; it has made one store ready. */
async function onSmallDisks(sizes: (places: Places) => Record<string, number>) {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(await tempFolder())
  const data = join(folder.path, 'data')
  const places = { data, disk: (part: Part) => join(data, part) }
  const megabytes = sizes(places)
  const disks = opened.use(await smallDisks(megabytes))
  const [first = data] = Object.keys(megabytes)
  const said = join(first, 'said.log')
  const by = [...disks.by, 'sh', '-c', `exec "$@" > ${said} 2>&1`, 'sh']
  const stack = opened.use(await npmStart({ STOREWRIGHT_DATA: data }, { by, seen: disks.seen }))
  const client = storeClient(stack.url)
  const ready = await client.accepted({})
  await client.untilStatus(ready, 'ready')
  const open = opened.move()
  return {
    ...places,
    disks,
    stack,
    client,
    ready,
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

type World = Awaited<ReturnType<typeof onSmallDisks>>

async function acceptSome({ client }: World): Promise<string[]> {
  return Promise.all(Array.from({ length: STORES }, () => client.accepted({})))
}

const pidsOf = (disks: SmallDisks, part: Part): number[] =>
  disks.processes().flatMap(({ pid, command }) => (parts[part].test(command) ? [pid] : []))

/** While the disk is full `processes.json` tells of no other process, so the system is asked. */
async function killUntilReplaced({ disks, data }: World, part: Part): Promise<void> {
  const killed = pidsOf(disks, part)
  for (const pid of killed) process.kill(pid, 'SIGKILL')
  await eventually(() => {
    disks.fill(data)
    const now = pidsOf(disks, part)
    expect(now).toHaveLength(1)
    expect(killed).not.toContain(now[0])
  }, patience)
}

/** Creates go through without any action, each part runs once, and Ctrl-C leaves nothing. */
async function expectToGoOn({ client, disks, stack }: World): Promise<void> {
  const after = await eventually(() => client.accepted({}), patience)
  await client.untilStatus(after, 'ready', patience.timeoutMs)
  for (const part of componentNames) expect(pidsOf(disks, part)).toHaveLength(1)
  stack.signal('SIGINT')
  expect(await stack.ended()).toBe(0)
  // The processes that watch helm end when they see that theirs has ended.
  await eventually(() => expect(disks.processes()).toEqual([]))
}

const addresses = z.object({ DATABASE_URL: z.string() })

/** Writes until PostgreSQL finds no room for the next segment of its log, which ends it. */
async function fillWriteAheadLog({ stack }: World): Promise<void> {
  const text = await readFile(join(stack.dataDir, 'addresses.json'), 'utf8')
  const connectionString = addresses.parse(JSON.parse(text)).DATABASE_URL
  const database = new Client({ connectionString })
  database.on('error', () => {})
  await database.connect()
  const write = database.query("select pg_logical_emit_message(true, 'test', repeat('x', $1))", [
    2 * SEGMENT_BYTES,
  ])
  await expect(write).rejects.toThrow(/terminat|No space/i)
  await database.end().catch(() => {})
}
