import { Command } from 'commander'
import type { ClientBase } from 'pg'
import type { EventStore, RecordedEvent } from '#eventstore'
import { readCheckpoint } from '#postgres'
import { exitCodeOf } from './run-rebuild.ts'
import { LIVE, openLogAndDatabase, openSession } from './session.ts'
import { applyAny } from '../projection/apply.ts'
import { projection } from '../projection/write-batch.ts'

/** The command `replay-parked`. Resolves to its exit code: 0 all projected, 1 some parked again, 2 it could not be done. */
export async function runReplayParked(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  new Command('replay-parked')
    .description(
      'Tries to project every parked event again. Ends with 1 when some had to be parked once more.',
    )
    .parse(args, { from: 'user' })
  return exitCodeOf(async () => {
    await using ends = openLogAndDatabase(env)
    const streams = await replayParked(ends)
    const lines = streams.length === 0 ? ['No events are parked.'] : streams.map(describe)
    process.stdout.write(`${lines.join('\n')}\n`)
    return streams.some(({ parkedAgain }) => parkedAgain.length > 0) ? 1 : 0
  })
}

function describe({ stream, events, parkedAgain }: ReplayedStream): string {
  const [first] = parkedAgain
  if (first === undefined) return `${stream}: ${events} events, all projected`
  const { revision, type, reason } = first
  return `${stream}: ${events} events, ${parkedAgain.length} parked again, from revision ${revision} (${type}): ${reason}`
}

/** A stream with parked events, and how many of them still are. */
interface ReplayedStream {
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
