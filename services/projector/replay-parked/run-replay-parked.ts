import { Command } from 'commander'
import { exitCodeOf } from '../rebuild/run-rebuild.ts'
import { openLogAndDatabase } from '../rebuild/session.ts'
import { type ReplayedStream, replayParked } from './replay-parked.ts'

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
