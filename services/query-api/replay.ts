import { storeStream } from '#domain'
import { openEventStore } from '#eventstore'
import { Command } from 'commander'
import { findEventStore } from './replay/find-event-store.ts'
import { ndjsonOf } from './replay/ndjson.ts'
import { timelineOf } from './replay/timeline.ts'

interface Options {
  store: string
  ndjson: boolean
}

const command = new Command('replay')
  .description(
    "Prints a store's history from the event log alone: needs EVENTSTORE_URL, or a running npm start.",
  )
  .requiredOption('--store <id>', 'id of the store')
  .option('--ndjson', 'one JSON object a line, with all that is stored', false)
  .action(async ({ store: storeId, ndjson }: Options) => {
    const store = openEventStore({ connectionString: findEventStore(process.env) })
    try {
      const events = store.readStream(storeStream(storeId.toLowerCase()))
      let printed = 0
      for await (const line of ndjson ? ndjsonOf(events) : timelineOf(events)) {
        process.stdout.write(`${line}\n`)
        printed++
      }
      if (printed === 0) throw new Error(`The event log has no store ${storeId}`)
    } finally {
      await Promise.race([
        store.close(),
        new Promise((resolve) => setTimeout(resolve, 1_000).unref()),
      ])
    }
  })

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
