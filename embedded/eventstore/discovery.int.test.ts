import { EventStoreDBClient } from '@eventstore/db-client'
import { expect, test } from 'vitest'
import { eventOf, freshIds } from '#test/servers/official-client'
import { testEventStore } from '#test/servers/test-eventstore'

test.each([
  ['esdb+discover://', (host: string) => `esdb+discover://${host}?tls=false`],
  ['several hosts', (host: string) => `esdb://${host},${host}?tls=false`],
  [
    'a preference for the leader',
    (host: string) => `esdb+discover://${host}?tls=false&nodePreference=leader`,
  ],
])('the client finds its node by %s', async (_case, urlOf) => {
  await using server = await testEventStore()
  const client = EventStoreDBClient.connectionString(urlOf(new URL(server.url).host))
  const [id] = freshIds(1)

  await client.appendToStream('s', eventOf(id))

  for await (const { event } of client.readStream('s')) expect(event?.id).toBe(id)
  await client.dispose()
})
