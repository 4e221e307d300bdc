import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { testEventStore } from '#test/servers/test-eventstore'
import { connect, take } from './call.ts'
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
  const { host } = new URL(server.url)
  await appendEarlierEvents(host)
  const differences: Difference[] = []
  for (const conversation of conversations) differences.push(...(await replay(host, conversation)))
  return differences
}

/** The official client has one list of appends for all its clients: one that is disposed of fails the others'. */
async function appendEarlierEvents(address: string) {
  const channel = connect(address)
  const events = Array.from({ length: EARLIER_EVENTS }, () => ({
    proposedMessage: {
      id: { string: randomUUID() },
      metadata: { type: 'Happened', 'content-type': 'application/json' },
      data: '{}',
    },
  }))
  const options = { streamIdentifier: { streamName: 'earlier' }, noStream: {} }
  const method = 'streams.Streams/Append'
  const answer = await take(channel.open({ method, send: [{ options }, ...events] }))
  expect(answer).toMatchObject({ status: 'OK' })
  channel.close()
}

test.concurrent.each(recordings())('%s is answered as by EventStoreDB 23.10.8', async (file) => {
  const conversations = conversationsIn(file)
  const lanes = Map.groupBy(conversations, (conversation) =>
    Math.floor(conversations.indexOf(conversation) / LANE_CONVERSATIONS),
  )

  const differences = (await Promise.all([...lanes.values()].map(replayOneByOne))).flat()

  expect(differences.filter(({ id }) => !accepted.has(id))).toEqual([])
})
