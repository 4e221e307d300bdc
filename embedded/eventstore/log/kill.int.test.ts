import { EventStoreDBClient } from '@eventstore/db-client'
import { testEventStore } from '#test/servers/test-eventstore'
import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { collect, eventOf, freshIds, freshStream } from '#test/servers/official-client'

const ROUNDS = 50
const STREAMS = 100
const APPENDS_EACH = 10
/** Against what hangs: it takes half a minute alone, and minutes beside other work. */
const TIMEOUT_MS = 600_000

/** Ids in the order they were sent, of which the first `acknowledged` were answered. */
interface Sent {
  ids: string[]
  acknowledged: number
}

test(
  'kill -9 in the middle of 1,000 appends, 50 times over, loses, doubles and reorders nothing',
  async () => {
    await using server = await testEventStore()
    const sent = new Map<string, Sent>()
    for (let round = 0; round < ROUNDS; round++) {
      const client = EventStoreDBClient.connectionString(server.url)
      const killAfter = randomInt(1, STREAMS * APPENDS_EACH)
      await appendUntilKilled(client, sent, { killAfter, kill: server.kill })
      await client.dispose()
      await server.restart()
    }
    const client = EventStoreDBClient.connectionString(server.url)
    const stored = await collect(client.readAll())
    await client.dispose()

    expect(sent.size).toBe(ROUNDS * STREAMS)
    const found = Map.groupBy(stored, ({ event }) => event?.streamId ?? '')
    for (const [stream, { ids, acknowledged }] of sent) {
      const events = (found.get(stream) ?? []).map(({ event }) => event)
      expect(events.length).toBeGreaterThanOrEqual(acknowledged)
      expect(events.map((event) => event?.id)).toEqual(ids.slice(0, events.length))
      expect(events.map((event) => Number(event?.revision))).toEqual([...events.keys()])
    }
  },
  TIMEOUT_MS,
)

interface Killing {
  killAfter: number
  kill: () => Promise<void>
}

async function appendUntilKilled(
  client: EventStoreDBClient,
  sent: Map<string, Sent>,
  { killAfter, kill }: Killing,
): Promise<void> {
  let acknowledged = 0
  let killed: Promise<void> | undefined
  const writer = async () => {
    const stream = freshStream()
    const own: Sent = { ids: freshIds(APPENDS_EACH), acknowledged: 0 }
    sent.set(stream, own)
    for (const [index, id] of own.ids.entries()) {
      const expectedRevision = index === 0 ? 'no_stream' : BigInt(index - 1)
      await client.appendToStream(stream, eventOf(id), { expectedRevision })
      own.acknowledged++
      if (++acknowledged === killAfter) killed = kill()
    }
  }
  await Promise.allSettled(Array.from({ length: STREAMS }, writer))
  await killed
}
