import { Command } from 'commander'
import { describeRebuild } from './describe-rebuild.ts'
import { rebuildReadModels } from './rebuild-read-models.ts'
import { openLogAndDatabase } from './session.ts'

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

/** Runs a command to its exit code; what it throws is one sentence on standard error, and 2. */
export async function exitCodeOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}
