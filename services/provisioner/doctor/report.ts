import { Gauge, Registry } from 'prom-client'
import { type Finding, findingKinds } from './findings.ts'

export interface Report {
  /** Stores in the log, and releases found. */
  stores: number
  releases: number
  /** Stores that changed while the snapshot was taken: they are not assessed. */
  moved: number
  findings: Finding[]
}

/** The report for a person. */
export function describeReport({ stores, releases, moved, findings }: Report): string {
  const left =
    moved === 0
      ? ''
      : ` ${count(moved, 'store')} changed while the doctor worked: run it again to check them.`
  const lines = [
    `Compared ${count(stores, 'store')} in the log with ${count(releases, 'release')}: ${count(findings.length, 'finding')}.${left}`,
    ...findings.flatMap(({ id, sentence, nextAction, repair }) => [
      '',
      id,
      `  ${sentence}`,
      `  ${nextAction}.${repair ? ` By itself: npm run doctor -- --repair ${id}` : ''}`,
    ]),
  ]
  return `${lines.join('\n')}\n`
}

/** The report in Prometheus' text format. */
export async function metricsOf({ stores, moved, findings }: Report): Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  const drift = new Gauge({
    name: 'storewright_drift_findings',
    help: 'Where the log and what is there do not agree',
    labelNames: ['kind'] as const,
    registers,
  })
  for (const kind of findingKinds)
    drift.set({ kind }, findings.filter((finding) => finding.kind === kind).length)
  const compared = { name: 'storewright_drift_stores', help: 'Stores compared', registers }
  new Gauge(compared).set(stores - moved)
  return registry.metrics()
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`
