import { randomUUID } from 'node:crypto'
import { copyFile, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { describe, expect, test } from 'vitest'
import { DELETED_REVISION } from '../rules/stream-metadata.ts'
import { openEventLog, type EventLog } from './event-log.ts'
import { growablePositions } from './positions.ts'

/** At every commit and at every end. */
const ALWAYS = { checkpointBytes: 1 }
const NEVER = { checkpointBytes: Infinity }

function eventOf(stream: string, revision: number | bigint, data = '{}') {
  const type = 'Happened'
  const [contentType, metadata] = ['application/json', Buffer.alloc(0)]
  const body = Buffer.from(data)
  const event = { stream, revision: BigInt(revision), id: randomUUID(), createdMs: 1, type }
  return { ...event, contentType, metadata, data: body }
}

function open(path: string, { checkpointBytes = 1, said = [] as string[] } = {}): EventLog {
  const say = (sentence: string, details: object) => {
    said.push(`${sentence}: ${Object.values(details).join()}`)
  }
  return openEventLog(path, () => undefined, { checkpointBytes, say })
}

/** All an index says about some streams. */
function told({ index }: EventLog, streams: string[]) {
  const { positions } = index
  // Of a long log some; a prime meets every place of a chunk in time.
  const step = positions.length() > 10_000 ? 997 : 1
  const count = Math.ceil(positions.length() / step)
  const numbers = Array.from({ length: count }, (_, n) => [
    positions.at(n * step),
    positions.firstOfRecord(n * step),
    positions.endOfRecord(n * step),
  ])
  const entries = streams.map((stream) => {
    const { events, metadata, tombstone } = index.stream(stream)
    return { stream, events: events.slice(0, events.length), metadata, tombstone }
  })
  return { numbers, entries }
}

/** Appends so many events to streams chosen at random, some in one record, some of them metadata or the end of a stream. */
async function live(log: EventLog, commits: number, streams: string[]): Promise<void> {
  const choose = (count: number) => Math.floor(Math.random() * count)
  const next = (stream: string) => log.acceptedView(stream).last + 1
  for (let n = 0; n < commits; n++) {
    const stream = streams[choose(streams.length)] ?? ''
    if (log.acceptedView(stream).tombstoned) continue
    const kind = choose(20)
    if (kind === 0 && !stream.startsWith('$$'))
      await log.commit([eventOf(stream, DELETED_REVISION)])
    else {
      const first = next(stream)
      const data = stream.startsWith('$$') ? `{"$maxCount":${1 + choose(9)}}` : '{}'
      const events = Array.from({ length: 1 + choose(3) }, (_, m) =>
        eventOf(stream, first + m, data),
      )
      await log.commit(events)
    }
  }
}

const names = Array.from({ length: 40 }, (_, n) => (n % 8 === 0 ? `$$s${n + 1}` : `s${n}`))
const known = [...names, 's1', 'nobody', '$$nobody', '', 'ünïcode']

test('an index from a checkpoint, and from what the log has behind it, is that of the whole log', async () => {
  await using folder = await tempFolder('storewright-checkpoint-')
  for (let round = 0; round < 6; round++) {
    const log = open(folder.path, round % 2 === 0 ? ALWAYS : NEVER)
    await live(log, 60, [...names, 'ünïcode'])
    const before = told(log, known)
    await log.close()

    const resumed = open(folder.path, NEVER)
    expect(told(resumed, known)).toEqual(before)
    await resumed.close()
  }
  await rm(join(folder.path, 'events.log.checkpoint'))
  const resumed = open(folder.path, ALWAYS)
  const whole = told(resumed, known)
  await resumed.close()
  const again = open(folder.path, NEVER)
  expect(told(again, known)).toEqual(whole)
  await again.close()
})

test('positions are found across chunks, and a copy of them is the same', () => {
  const positions = growablePositions()
  const count = 70_000
  for (let number = 0; number < count; number++) positions.push(number * 10, number % 7 === 0)

  const copy = growablePositions(count)
  const parts = [...copy.parts(count)]
  for (const [index, part] of [...positions.parts(count)].entries()) parts[index]?.set(part)
  copy.push(count * 10, true)

  for (const number of [0, 65_535, 65_536, count - 1]) expect(copy.at(number)).toBe(number * 10)
  expect(copy.firstAtOrAbove(655_351)).toBe(65_536)
  expect([copy.firstOfRecord(65_537), copy.endOfRecord(65_537)]).toEqual([65_534, 65_541])
  expect([copy.length(), copy.endOfRecord(count - 1)]).toEqual([count + 1, count])
})

describe('a checkpoint that cannot be used', () => {
  /** A folder with a checkpoint of all five events of its log. */
  async function checkpointed() {
    const folder = await tempFolder('storewright-checkpoint-')
    const log = open(folder.path, ALWAYS)
    for (let n = 0; n < 5; n++) await log.commit([eventOf(`s${n % 2}`, Math.floor(n / 2))])
    await log.close()
    return { ...folder, log: join(folder.path, 'events.log') }
  }

  async function start(path: string, checkpointBytes = Infinity) {
    const said: string[] = []
    const log = open(path, { checkpointBytes, said })
    const events = log.index.positions.length()
    const ofStream = log.index.stream('s0').events.length
    await log.close()
    return { events, ofStream, said }
  }

  test('a whole one is used in silence', async () => {
    await using folder = await checkpointed()

    expect(await start(folder.path)).toEqual({ events: 5, ofStream: 3, said: [] })
  })

  test('one that is missing is said of a log that is long enough for one', async () => {
    await using folder = await checkpointed()
    await rm(`${folder.log}.checkpoint`)

    const { events, said } = await start(folder.path, 1)

    expect({ events, said }).toMatchObject({
      events: 5,
      said: [expect.stringContaining('missing')],
    })
  })

  test('one that is missing is no matter in a log that is too short for one', async () => {
    await using folder = await checkpointed()
    await rm(`${folder.log}.checkpoint`)

    expect(await start(folder.path)).toEqual({ events: 5, ofStream: 3, said: [] })
  })

  test.each<[string, string, (folder: { path: string; log: string }) => Promise<void>]>([
    ['is empty', 'not such a file', ({ log }) => truncate(`${log}.checkpoint`, 0)],
    ['is cut', 'damaged', ({ log }) => truncate(`${log}.checkpoint`, 700)],
    ['is something else', 'not such', ({ log }) => writeFile(`${log}.checkpoint`, 'x'.repeat(99))],
    [
      'has another version',
      'of another version',
      async ({ log }) => {
        const text = await readFile(`${log}.checkpoint`, 'latin1')
        const changed = text.replace('"version":1', '"version":2')
        await writeFile(`${log}.checkpoint`, changed, 'latin1')
      },
    ],
    [
      'is of another log',
      'of another log',
      async ({ log }) => {
        await using other = await checkpointed()
        await copyFile(`${other.log}.checkpoint`, `${log}.checkpoint`)
      },
    ],
    [
      'is newer than the log',
      'of a log that was longer',
      async ({ path, log }) => {
        const bytes = await readFile(log)
        const longer = open(path, ALWAYS)
        await longer.commit([eventOf('s0', 3)])
        await longer.close()
        await writeFile(log, bytes)
        await writeFile(`${log}.end`, `${bytes.length}\n`)
      },
    ],
  ])('one that %s is said once, and the log read whole', async (_case, reason, change) => {
    await using folder = await checkpointed()
    await change(folder)

    const { events, ofStream, said } = await start(folder.path)

    expect({ events, ofStream }).toEqual({ events: 5, ofStream: 3 })
    expect(said).toEqual([
      expect.stringMatching(/^read the log without the checkpoint of its index: /),
    ])
    expect(said.join()).toContain(reason)
  })

  test('no flipped byte of one makes a wrong index', async () => {
    await using folder = await checkpointed()
    const bytes = await readFile(`${folder.log}.checkpoint`)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x55
      await writeFile(`${folder.log}.checkpoint`, changed)

      const { said, ...found } = await start(folder.path)

      expect(found, `byte ${at}`).toEqual({ events: 5, ofStream: 3 })
      expect(said, `byte ${at}`).toHaveLength(1)
    }
  })
})

test('a checkpoint that cannot be written is said, and everything goes on without it', async () => {
  await using folder = await tempFolder('storewright-checkpoint-')
  const said: string[] = []
  const log = open(folder.path, { checkpointBytes: 1, said })
  await symlink('/dev/full', join(folder.path, 'events.log.checkpoint.new'))

  await log.commit([eventOf('s', 0)])
  await eventually(() => expect(said.join()).toContain('ENOSPC'))
  await log.commit([eventOf('s', 1)])
  await log.close()

  expect(said).toHaveLength(1)
  const again = open(folder.path, NEVER)
  expect(again.index.stream('s').events.length).toBe(2)
  await again.close()
  expect((await readdir(folder.path)).filter((name) => name.endsWith('.new'))).toEqual([])
})

test('appends and reads go on while a checkpoint is made, and it holds no event too many', async () => {
  await using folder = await tempFolder('storewright-checkpoint-')
  const first = open(folder.path, NEVER)
  const many = (from: number) =>
    Array.from({ length: 20_000 }, (_, n) => eventOf(`stream-${from + n}`, 0))
  for (let n = 0; n < 3; n++) await first.commit(many(n * 20_000))
  await first.close()

  // It is made right after the start, in many slices.
  const log = open(folder.path, ALWAYS)
  let appended = 0
  while (!(await readdir(folder.path)).includes('events.log.checkpoint')) {
    await log.commit([eventOf('live', appended), eventOf(`new-${appended}`, 0)])
    appended++
    expect(log.index.stream('live').events.length).toBe(appended)
    expect(log.index.stream('stream-59999').events.at(0)).toBe(59_999)
  }
  const before = told(log, ['live', 'new-0', 'stream-1'])
  // As after kill -9: what lies on disk now.
  await using copy = await tempFolder('storewright-checkpoint-')
  for (const name of ['events.log', 'events.log.checkpoint'])
    await copyFile(join(folder.path, name), join(copy.path, name))
  await log.close()

  const said: string[] = []
  const again = open(copy.path, { checkpointBytes: Infinity, said })
  expect(said).toEqual([])
  expect(told(again, ['live', 'new-0', 'stream-1'])).toEqual(before)
  await again.close()
})

describe('damage that a start does not read', () => {
  async function damaged() {
    const folder = await tempFolder('storewright-checkpoint-')
    const log = open(folder.path, ALWAYS)
    const positions: number[] = []
    for (let n = 0; n < 4; n++)
      positions.push(...(await log.commit([eventOf('a', n, '"text"'), eventOf(`b${n}`, 0)])))
    await log.close()
    const path = join(folder.path, 'events.log')
    const bytes = await readFile(path)
    const at = (positions[2] ?? 0) + 60
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await writeFile(path, bytes)
    return { ...folder, record: (positions[2] ?? 0) - 20 }
  }

  test('is found by the first read of its record, and said once', async () => {
    await using folder = await damaged()
    const said: string[] = []
    const log = open(folder.path, { checkpointBytes: Infinity, said })

    for (const number of [2, 3, 2])
      await expect(log.read([number])).rejects.toThrow(`damaged at byte ${folder.record}`)
    expect(said).toEqual([`the event log is damaged: ${folder.record}`])
    expect((await log.read([0, 1])).map(({ stream }) => stream)).toEqual(['a', 'b0'])
    expect((await log.read([4, 5, 6, 7])).map(({ stream }) => stream)).toEqual([
      'a',
      'b2',
      'a',
      'b3',
    ])
    await log.close()
  })

  test('refuses what an append would be compared with', async () => {
    await using folder = await damaged()
    const log = open(folder.path, NEVER)

    expect(() => log.acceptedView('a').idAt(1)).toThrow(`damaged at byte ${folder.record}`)
    expect(log.acceptedView('a').idAt(0)).toMatch(/^[0-9a-f-]{36}$/)
    await log.close()
  })
})
