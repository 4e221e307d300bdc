import { testEventStore } from '#test/servers/test-eventstore'
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client'
import { expect, test } from 'vitest'

test('what the event store acknowledged is there after kill -9 and a restart on the same port', async () => {
  await using server = await testEventStore()
  const client = EventStoreDBClient.connectionString(server.url)
  await client.appendToStream('kept', jsonEvent({ type: 'Kept', data: { n: 1 } }))

  await server.kill()
  await server.restart()

  const types: string[] = []
  for await (const { event } of EventStoreDBClient.connectionString(server.url).readStream('kept'))
    types.push(event?.type ?? '')
  expect(types).toEqual(['Kept'])
})
