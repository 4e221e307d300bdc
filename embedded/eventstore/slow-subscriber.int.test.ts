import { jsonEvent } from '@eventstore/db-client'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { officialClient } from '#test/servers/official-client'

const EVENTS = 120
const SLOW = 8
const TEXT = 'x'.repeat(300_000)

let es: Awaited<ReturnType<typeof officialClient>>
beforeAll(async () => {
  es = await officialClient()
})
afterAll(() => es[Symbol.asyncDispose]())

async function megabytesOfServer(): Promise<number> {
  const status = await readFile(`/proc/${es.server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_000
}

test('subscribers that do not read cost no memory of theirs, and miss nothing when they read on', async () => {
  for (let n = 0; n < EVENTS; n++) await es.client.appendToStream('big', bigEvent())
  expect(await es.idsOf('big')).toHaveLength(EVENTS)
  const before = await megabytesOfServer()
  const slow = Array.from({ length: SLOW }, () => es.client.subscribeToStream('big'))
  await Promise.all(slow.map((subscription) => once(subscription, 'confirmation')))

  // One that reads everything shows that the others have been served for as long.
  expect(await es.idsOf('big')).toHaveLength(EVENTS)

  // Were 36 MB held for each of them, this would be near 300.
  expect((await megabytesOfServer()) - before).toBeLessThan(120)
  const revisions: number[] = []
  for await (const { event } of slow[0] ?? []) {
    revisions.push(Number(event?.revision))
    if (revisions.length === EVENTS) break
  }
  expect(revisions).toEqual([...revisions.keys()])
  await Promise.all(slow.map((subscription) => subscription.unsubscribe()))
})

function bigEvent() {
  return jsonEvent({ type: 'Big', data: { text: TEXT } })
}
