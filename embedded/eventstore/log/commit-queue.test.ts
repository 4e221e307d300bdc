import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { commitQueue } from './commit-queue.ts'
import type { StoredEvent, UnplacedEvent } from './frame.ts'
import { openLogFile, type LogFile } from './file.ts'

function eventOf(revision: number): UnplacedEvent {
  return {
    stream: 'test',
    revision: BigInt(revision),
    createdMs: Date.now(),
    id: randomUUID(),
    type: 'Happened',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: Buffer.from('{}'),
  }
}

/** A queue over a real file, of which single parts can be replaced. */
function queueOver(replaced: (file: LogFile) => Partial<LogFile> = () => ({})) {
  const dataDir = mkdtempSync(join(tmpdir(), 'storewright-queue-'))
  const file = openLogFile(join(dataDir, 'events.log'), { onFrame: () => undefined })
  const committed: StoredEvent[] = []
  const failures: unknown[] = []
  const queue = commitQueue({
    file: { ...file, ...replaced(file) },
    onCommitted: (events) => committed.push(...events),
    onFailure: (error) => failures.push(error),
  })
  return {
    queue,
    committed,
    failures,
    [Symbol.asyncDispose]: async () => {
      await file.close()
      rmSync(dataDir, { recursive: true })
    },
  }
}

test('commits that wait for each other all end', async () => {
  await using over = queueOver()
  const positions: number[] = []

  for (let n = 0; n < 50; n++) positions.push(...(await over.queue.commit([eventOf(n)])))

  expect(positions).toHaveLength(50)
  expect(positions).toEqual(positions.toSorted((a, b) => a - b))
})

test('nobody is answered, and nothing is readable, before the write has returned from disk', async () => {
  let written: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (written = resolve))
  await using over = queueOver((file) => ({
    append: async (bytes) => {
      await file.append(bytes)
      await gate
    },
  }))
  let answered = false
  const commit = over.queue.commit([eventOf(0)]).then(() => (answered = true))
  for (let n = 0; n < 20; n++) await new Promise(setImmediate)
  expect([answered, over.committed.length]).toEqual([false, 0])

  written()
  await commit

  expect([answered, over.committed.length]).toEqual([true, 1])
})

test('what arrives during a write shares the next one', async () => {
  let writes = 0
  await using over = queueOver((file) => ({
    append: async (bytes) => {
      writes++
      await file.append(bytes)
    },
  }))

  const first = over.queue.commit([eventOf(0)])
  await new Promise(setImmediate)
  await Promise.all([
    first,
    ...Array.from({ length: 99 }, (_, n) => over.queue.commit([eventOf(n + 1)])),
  ])

  expect(over.committed.map((event) => Number(event.revision))).toEqual([...Array(100).keys()])
  expect(writes).toBe(2)
})

test('a write is never longer than a start can tell from damage', async () => {
  const lengths: number[] = []
  await using over = queueOver((file) => ({
    append: async (bytes) => {
      lengths.push(bytes.length)
      await file.append(bytes)
    },
  }))
  const big = () => ({ ...eventOf(0), data: Buffer.alloc(1_000_000) })

  await Promise.all(Array.from({ length: 12 }, () => over.queue.commit([big()])))

  expect(Math.max(...lengths)).toBeLessThan(8 * 1024 * 1024)
})

test('after a failed write everyone is refused, then and later, and the failure is told once', async () => {
  const full = new Error('ENOSPC: no space left on device')
  await using over = queueOver(() => ({ append: () => Promise.reject(full) }))

  const settled = await Promise.allSettled([
    over.queue.commit([eventOf(0)]),
    new Promise(setImmediate).then(() => over.queue.commit([eventOf(1)])),
  ])
  const later = over.queue.commit([eventOf(2)])

  await expect(later).rejects.toBe(full)
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(over.failures).toEqual([full])
  expect(over.committed).toEqual([])
})
