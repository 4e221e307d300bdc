import { Command } from 'commander'
import { rebuildReadModels, type RebuildResult } from './rebuild-read-models.ts'
import { openLogAndDatabase } from './session.ts'
import type { Difference } from './compare.ts'

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

/** The result of a rebuild as lines for a person. */
export function describeRebuild(result: RebuildResult, seconds: number): string[] {
  const { events, position } = result
  const rate = Math.round(events / Math.max(seconds, 0.001))
  return [
    `Rebuilt the read models from ${events} events in ${seconds.toFixed(1)} s (${rate} events/s), up to position ${position ?? 'none'}.`,
    ...comparisonLines(result),
    result.switched
      ? 'Switched: the rebuilt read models are live.'
      : 'Not switched: the live read models are as they were. Switch with: npm run rebuild -- --accept',
  ]
}

function comparisonLines({ basis, total, differences }: RebuildResult): string[] {
  if (basis === 'none') return ['There were no live read models to compare with.']
  const where =
    basis === 'diverged'
      ? 'The live read models were made from another event log. Compared as they are'
      : 'Compared with the live read models at the same position'
  if (total === 0) return [`${where}: equal, byte for byte.`]
  const unlisted = total - differences.length
  return [
    `${where}: ${total} ${total === 1 ? 'row differs' : 'rows differ'}.`,
    ...differences.map(differenceLine),
    ...(unlisted > 0 ? [`  and ${unlisted} more`] : []),
  ]
}

function differenceLine({ table, key, live, rebuilt }: Difference): string {
  const row = `  ${table} ${key}: `
  if (live === undefined) return `${row}missing in the live ones`
  if (rebuilt === undefined) return `${row}only in the live ones`
  const columns = Object.keys(live).filter((name) => shown(live[name]) !== shown(rebuilt[name]))
  const changes = columns.map(
    (name) => `${name} is ${shown(live[name])}, should be ${shown(rebuilt[name])}`,
  )
  return row + changes.join('; ')
}

const shown = (value: unknown) => JSON.stringify(value)
