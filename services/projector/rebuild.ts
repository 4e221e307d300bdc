import { Command } from 'commander'
import { openLogAndDatabase } from './open-log-and-database.ts'
import { describeRebuild } from './rebuild/describe-rebuild.ts'
import { rebuildReadModels } from './rebuild/rebuild-read-models.ts'

const command = new Command('rebuild')
  .description(
    'Builds the read models again from the event log, compares them with the live ones and switches. ' +
      'Ends with 1, and leaves the live ones as they are, when they differ.',
  )
  .option('--accept', 'switch although they differ', false)
  .action(async ({ accept }: { accept: boolean }) => {
    await using ends = openLogAndDatabase(process.env)
    const startedAt = performance.now()
    const onProgress = (events: number) => process.stderr.write(`\r${events} events read`)
    const result = await rebuildReadModels({ ...ends, accept, onProgress })
    if (result.events >= 10_000) process.stderr.write('\n')
    const seconds = (performance.now() - startedAt) / 1_000
    process.stdout.write(`${describeRebuild(result, seconds).join('\n')}\n`)
    if (!result.switched) process.exitCode = 1
  })

try {
  await command.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
