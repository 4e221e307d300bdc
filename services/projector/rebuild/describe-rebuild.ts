import type { Difference } from './compare.ts'
import type { RebuildResult } from './rebuild-read-models.ts'

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
