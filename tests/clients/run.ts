import { parseArgs } from 'node:util'
import { eventStoreGo, kurrentGo } from './go-modules.ts'
import { fuzzSuite } from './fuzz.ts'
import { goSuite } from './go.ts'
import { pythonSuite } from './python.ts'
import type { ClientSuite } from './suite.ts'

const suites = [
  pythonSuite('esdbclient', '1.1.7'),
  pythonSuite('kurrentdbclient', '1.0.4'),
  goSuite(eventStoreGo),
  goSuite(kurrentGo),
  fuzzSuite(),
]

/**
 * `npm run test:clients`: our event store as clients see it that others wrote, a line each, and the sum. A client
 * that cannot be run is named and counted as one skipped, with exit code 1; with `--if-warm` so is one that would
 * first have to be fetched or built, with exit code 0. `--only go` runs those with that word in their name.
 */
const { values: options } = parseArgs({
  options: {
    'if-warm': { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const wanted = options.only.toLowerCase()
const results: string[] = []
const sum = { passed: 0, failed: 0, skipped: 0 }
let isIncomplete = false

for (const suite of suites.filter(({ name }) => name.toLowerCase().includes(wanted))) {
  const reason = await whyNot(suite)
  if (reason === undefined) results.push(await runSuite(suite))
  else {
    isIncomplete = true
    sum.skipped++
    results.push(`test:clients not run: ${suite.name}: ${reason}`)
  }
}
process.stdout.write(`\n${results.join('\n')}\n`)
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`)
process.exitCode = sum.failed > 0 || (isIncomplete && !options['if-warm']) ? 1 : 0

async function whyNot(suite: ClientSuite): Promise<string | undefined> {
  const lacking = await suite.lacking()
  if (lacking.length > 0) return lacking.join('; ')
  if (!options['if-warm'] || (await suite.isWarm())) return undefined
  return 'its packages are not fetched and built'
}

async function runSuite({ name, run, whySkipped }: ClientSuite): Promise<string> {
  process.stdout.write(`\n== ${name}\n`)
  const { passed, failed, skipped } = await run().catch((error: unknown) => ({
    passed: 0,
    failed: [error instanceof Error ? error.message : String(error)],
    skipped: 0,
  }))
  sum.passed += passed
  sum.failed += failed.length
  sum.skipped += skipped
  const why = skipped > 0 && whySkipped !== undefined ? ` (${whySkipped})` : ''
  const line = `${name}: ${passed} passed, ${failed.length} failed, ${skipped} skipped${why}`
  return [line, ...failed.map((test) => `failed: ${name}: ${test}`)].join('\n')
}
