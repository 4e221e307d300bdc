import { randomUUID } from 'node:crypto'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from '#test/temp-folder'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEventLog } from './event-log.ts'

const RECORDS = 6

let folder: Awaited<ReturnType<typeof tempFolder>>
let bytes: Buffer
/** Where each record begins, and where the last one ends. */
const edges: number[] = []
beforeAll(async () => {
  folder = await tempFolder('storewright-damage-')
  const log = openEventLog(folder.path, () => undefined)
  for (let n = 0; n < RECORDS; n++) {
    edges.push(log.end())
    await log.commit([eventOf(n)])
  }
  edges.push(log.end())
  await log.close()
  bytes = await readFile(join(folder.path, 'events.log'))
})
afterAll(() => folder[Symbol.asyncDispose]())

function eventOf(n: number) {
  const data = Buffer.from(JSON.stringify({ n, text: 'x'.repeat(50 * n) }))
  const metadata = Buffer.alloc(0)
  const contentType = 'application/json'
  const id = randomUUID()
  return {
    stream: 's',
    revision: BigInt(n),
    createdMs: n,
    id,
    type: 'T',
    contentType,
    metadata,
    data,
  }
}

/** How many events a log of these bytes opens with; throws where it does not open. `noted`: its server had stopped in good order. */
async function eventsIn(changed: Buffer, noted: boolean): Promise<number> {
  await using copy = await tempFolder('storewright-damage-')
  await writeFile(join(copy.path, 'events.log'), changed)
  if (noted) await copyFile(join(folder.path, 'events.log.end'), join(copy.path, 'events.log.end'))
  const log = openEventLog(copy.path, () => undefined)
  const events = log.index.positions.length()
  await log.close()
  await rm(join(copy.path, 'events.log'))
  return events
}

function flipped(at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = (changed[at] ?? 0) ^ 0xff
  return changed
}

const edge = (record: number) => edges.at(record) ?? 0
const part = (from: number, to: number) => bytes.subarray(edge(from), edge(to))

test('after an orderly end no flipped byte of the last records is cut in silence', async () => {
  for (let at = edge(-3); at < bytes.length; at++)
    await expect(eventsIn(flipped(at), true), `byte ${at}`).rejects.toThrow('event log')
})

test('after a crash a flipped byte costs at most the last record', async () => {
  for (let at = edge(-2); at < bytes.length; at += 3) {
    const events = await eventsIn(flipped(at), false).catch(() => 'refused')
    expect(['refused', RECORDS - 1], `byte ${at}`).toContain(events)
  }
})

test.each<[string, () => Buffer]>([
  ['its end zeroed', () => Buffer.concat([part(0, -3), Buffer.alloc(bytes.length - edge(-3))])],
  ['a record taken out', () => Buffer.concat([bytes.subarray(0, edge(2)), part(3, -1)])],
  ['a record doubled', () => Buffer.concat([bytes, part(2, 3)])],
  [
    'two records exchanged',
    () => Buffer.concat([bytes.subarray(0, edge(2)), part(3, 4), part(2, 3), part(4, -1)]),
  ],
  ['nothing in it', () => Buffer.alloc(0)],
  ['only what an older copy held', () => bytes.subarray(0, edge(3))],
])('after an orderly end a log with %s is refused', async (_case, changed) => {
  await expect(eventsIn(changed(), true)).rejects.toThrow('event log')
})

test.each<[string, () => Buffer]>([
  ['a record taken out', () => Buffer.concat([bytes.subarray(0, edge(2)), part(3, -1)])],
  ['a record doubled', () => Buffer.concat([bytes, part(2, 3)])],
])('after a crash, too, a log with %s is refused', async (_case, changed) => {
  await expect(eventsIn(changed(), false)).rejects.toThrow('damaged')
})

test('after a crash a torn last write is cut, and nothing else', async () => {
  for (let end = edge(-2) + 1; end < bytes.length; end++)
    expect(await eventsIn(bytes.subarray(0, end), false)).toBe(RECORDS - 1)
})
