import { Gauge, Registry } from 'prom-client'
import { printable, redact } from '../redact.ts'
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

export const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`

/** One thing that is so of the event store or of NATS. */
export interface Check {
  dependency: 'event store' | 'NATS'
  /** `warning`: it works, and something better is needed in production. `wrong`: orders would fail. */
  status: 'ok' | 'warning' | 'wrong'
  sentence: string
  nextAction?: string
}

export function checksOf(dependency: Check['dependency']) {
  const told = (status: Check['status']) => (sentence: string, nextAction: string) => ({
    dependency,
    status,
    sentence: printable(sentence, TEXT_MAX, 'start'),
    nextAction,
  })
  return {
    ok: (sentence: string): Check => ({ dependency, status: 'ok', sentence }),
    warning: told('warning'),
    wrong: told('wrong'),
  }
}

const TEXT_MAX = 400
const CLOCKS_APART_MS_MAX = 10_000

/** Clocks further apart than docs/decisions/0002 allows are wrong. */
export function clockCheck(dependency: Check['dependency'], whose: string, apartMs: number): Check {
  const { ok, wrong } = checksOf(dependency)
  const apart = `${(Math.abs(apartMs) / 1_000).toFixed(1)} s`
  const how = apartMs < 0 ? 'behind' : 'ahead of'
  return Math.abs(apartMs) < CLOCKS_APART_MS_MAX
    ? ok(`the clock of ${whose} differs by ${apart}`)
    : wrong(`the clock of ${whose} is ${apart} ${how} this one`, 'Set both clocks by NTP')
}

/** What an error says, and what caused it, on one line and without passwords. */
export function reasonOf(error: unknown): string {
  const words: string[] = []
  for (let each = error; each instanceof Error && words.length < 3; each = each.cause)
    if (each.message !== '' && !words.includes(each.message)) words.push(each.message)
  return printable(redact(words.join(': ') || String(error), []), TEXT_MAX, 'start')
}

/** A line for each check, and what to do about it. */
export function describeChecks(checks: Check[]): string {
  const lines = checks.map(({ dependency, status, sentence, nextAction }) => {
    const next = nextAction === undefined ? '' : ` -> ${nextAction}.`
    return `${status.padEnd(7)}  ${dependency}: ${sentence}.${next}`
  })
  const wrong = checks.filter(({ status }) => status === 'wrong').length
  return `${[...lines, `${count(wrong, 'fault')}.`].join('\n')}\n`
}
