import { Command } from 'commander'
import { openLogAndDatabase } from './open-log-and-database.ts'
import { replayParked } from './rebuild/replay-parked.ts'

const command = new Command('replay-parked')
  .description(
    'Tries to project every parked event again. Ends with 1 when some had to be parked once more.',
  )
  .action(async () => {
    await using ends = openLogAndDatabase(process.env)
    const streams = await replayParked(ends)
    for (const { stream, events, parkedAgain } of streams) {
      const [first] = parkedAgain
      const outcome =
        first === undefined
          ? 'all projected'
          : `${parkedAgain.length} parked again, from revision ${first.revision} (${first.type}): ${first.reason}`
      process.stdout.write(`${stream}: ${events} events, ${outcome}\n`)
    }
    if (streams.length === 0) process.stdout.write('No events are parked.\n')
    if (streams.some(({ parkedAgain }) => parkedAgain.length > 0)) process.exitCode = 1
  })

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
