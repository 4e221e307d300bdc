import { EventStoreDBClient } from '@eventstore/db-client'
import { expect, test } from 'vitest'
import { eventOf, freshIds } from '#test/servers/official-client'
import { testEventStore } from '#test/servers/test-eventstore'
import {
  acceptedSteps,
  conversationsIn,
  recordings,
  replay,
  type Conversation,
  type Difference,
} from './replay.ts'

/** Conversations of a server, which has one at a time: they have `$all` in common. */
const LANE_CONVERSATIONS = 13
/** Events of others that the real server had before the conversations; some of them read past these. */
const EARLIER_EVENTS = 150

const accepted = acceptedSteps()

async function replayOneByOne(conversations: Conversation[]) {
  await using server = await testEventStore()
  const client = EventStoreDBClient.connectionString(server.url)
  await client.appendToStream(
    'earlier',
    freshIds(EARLIER_EVENTS).map((id) => eventOf(id)),
  )
  await client.dispose()
  const differences: Difference[] = []
  for (const conversation of conversations)
    differences.push(...(await replay(new URL(server.url).host, conversation)))
  return differences
}

test.concurrent.each(recordings())('%s is answered as by EventStoreDB 23.10.8', async (file) => {
  const conversations = conversationsIn(file)
  const lanes = Map.groupBy(conversations, (conversation) =>
    Math.floor(conversations.indexOf(conversation) / LANE_CONVERSATIONS),
  )

  const differences = (await Promise.all([...lanes.values()].map(replayOneByOne))).flat()

  expect(differences.filter(({ id }) => !accepted.has(id))).toEqual([])
})
