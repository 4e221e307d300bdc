import { Command } from 'commander'
import { z } from 'zod'
import { eventStoreVariables, parseEnvironment } from '#config'
import { storeStream } from '#domain'
import { type EventStore, openEventStore, type RecordedEvent } from '#eventstore'
import { timelineOf } from './timeline.ts'

interface Options {
  store: string
  ndjson: boolean
}

const schema = z.object(eventStoreVariables)

/** The command `replay`: prints a store's history. Resolves to its exit code: 0, or 1 with one sentence on standard error. */
export async function runReplay(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { store: storeId, ndjson } = optionsOf(args)
  try {
    const { EVENTSTORE_URL: connectionString } = parseEnvironment(schema, env)
    const store = openEventStore({ connectionString })
    try {
      await print(store, { storeId: storeId.toLowerCase(), ndjson })
    } finally {
      await store.close()
    }
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

function optionsOf(args: string[]): Options {
  const command = new Command('replay')
    .description("Prints a store's history from the event log alone.")
    .requiredOption('--store <id>', 'id of the store')
    .option('--ndjson', 'one JSON object a line, with all that is stored', false)
    .parse(args, { from: 'user' })
  return command.opts<{ store: string; ndjson: boolean }>()
}

async function print(
  store: EventStore,
  { storeId, ndjson }: { storeId: string; ndjson: boolean },
): Promise<void> {
  const events = store.readStream(storeStream(storeId))
  let printed = 0
  for await (const line of ndjson ? ndjsonOf(events) : timelineOf(events)) {
    process.stdout.write(`${line}\n`)
    printed++
  }
  if (printed === 0) throw new Error(`The event log has no store ${storeId}`)
}

/** Each event as one line of JSON, with everything the log holds. */
export async function* ndjsonOf(
  events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>,
): AsyncGenerator<string> {
  for await (const event of events) {
    const { id, stream, revision, position, type, recordedAt, data, metadata } = event
    const where = { stream, revision: Number(revision), position: String(position) }
    yield JSON.stringify({ ...where, id, type, time: recordedAt, data, metadata })
  }
}
