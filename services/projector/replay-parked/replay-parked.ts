import type { ClientBase } from 'pg'
import type { EventStore, RecordedEvent } from '#eventstore'
import { readCheckpoint } from '#postgres'
import { LIVE, openSession } from '../rebuild/session.ts'
import { applyAny } from '../write/apply.ts'
import { projection } from '../write/write-batch.ts'

/** A stream with parked events, and how many of them still are. */
export interface ReplayedStream {
  stream: string
  events: number
  parkedAgain: { revision: bigint; type: string; reason: string }[]
}

/** Tries to project every parked event again, stream by stream, each in order, in one transaction. The projector may run. */
export async function replayParked(options: {
  databaseUrl: string
  store: EventStore
}): Promise<ReplayedStream[]> {
  await using session = await openSession(options.databaseUrl)
  const { client } = session
  await client.query(`set search_path to ${LIVE}`)
  await client.query('begin')
  await client.query('lock table projection_checkpoints in exclusive mode')
  const checkpoint = await readCheckpoint(client, projection)
  const { rows } = await client.query<{ stream: string; from: bigint }>(
    'select stream, min(revision) as "from" from parked_events group by stream order by stream',
  )
  const replayed: ReplayedStream[] = []
  for (const { stream, from } of rows) {
    const events: RecordedEvent[] = []
    for await (const event of options.store.readStream(stream, { from }))
      if (checkpoint !== undefined && event.position <= checkpoint.position) events.push(event)
    replayed.push(await replay(client, stream, events))
  }
  await client.query('commit')
  return replayed
}

async function replay(
  client: ClientBase,
  stream: string,
  events: RecordedEvent[],
): Promise<ReplayedStream> {
  await client.query('delete from parked_events where stream = $1', [stream])
  const { parked } = await applyAny(client, events)
  const parkedAgain = parked.map(({ event, reason }) => {
    const { revision, type } = event
    return { revision, type, reason }
  })
  return { stream, events: events.length, parkedAgain }
}
