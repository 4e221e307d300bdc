import { tempFolder } from '#test/temp-folder'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { UnplacedEvent } from './frame.ts'
import { openEventLog } from './event-log.ts'

test('an event that cannot be framed is refused before it is accepted, and nothing fails for it', async () => {
  await using folder = await tempFolder('storewright-event-log-')
  const failures: unknown[] = []
  const log = openEventLog(folder.path, (error) => failures.push(error))

  const refused = log.commit([eventOf('a'), eventOf('x'.repeat(0x10000))])

  await expect(refused).rejects.toThrow(RangeError)
  expect(log.acceptedView('a').last).toBe(-1)
  expect(await log.commit([eventOf('a')])).toHaveLength(1)
  expect(failures).toEqual([])
  await log.close()
})

function eventOf(stream: string): UnplacedEvent {
  return {
    stream,
    revision: 0n,
    createdMs: 0,
    id: randomUUID(),
    type: 'Happened',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: Buffer.from('{}'),
  }
}
