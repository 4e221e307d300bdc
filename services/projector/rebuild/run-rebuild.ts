import { Command } from 'commander'
import { openLogAndDatabase } from '../open-log-and-database.ts'
import { describeRebuild } from './describe-rebuild.ts'
import { rebuildReadModels } from './rebuild-read-models.ts'
import { exitCodeOf } from './exit-code.ts'

/** The command `rebuild`. Resolves to its exit code: 0 switched, 1 the read models differ, 2 it could not be done. */
export async function runRebuild(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const command = new Command('rebuild')
    .description(
      'Builds the read models again from the event log, compares them with the live ones and switches. ' +
        'Ends with 1, and leaves the live ones as they are, when they differ.',
    )
    .option('--accept', 'switch although they differ', false)
    .parse(args, { from: 'user' })
  const { accept } = command.opts<{ accept: boolean }>()
  return exitCodeOf(async () => {
    await using ends = openLogAndDatabase(env)
    const startedAt = performance.now()
    const onProgress = (events: number) => process.stderr.write(`${events} events read\n`)
    const result = await rebuildReadModels({ ...ends, accept, onProgress })
    const seconds = (performance.now() - startedAt) / 1_000
    process.stdout.write(`${describeRebuild(result, seconds).join('\n')}\n`)
    return result.switched ? 0 : 1
  })
}
