import { randomBytes, randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { z } from 'zod'
import { operations } from '#contracts'
import { npmStart } from '#test/stack/npm-start'
import { tempFolder } from '#test/temp-folder'
import { cached } from '../clients/cache.ts'

const folder = fileURLToPath(new URL('.', import.meta.url))
const requirements = join(folder, 'requirements.txt')
const PYTHON_AT_LEAST = 'python3 of 3.11 or later with pip'
const WHAT_IT_IS = `
import pip, sys, sysconfig
print(sys.implementation.cache_tag, sysconfig.get_platform())
sys.exit(sys.version_info < (3, 11))
`
const START_TOOL = 'from schemathesis.cli import schemathesis; schemathesis()'
// A deletion is accepted and done afterwards, and what a deleted store was stays to be read.
const NOT_CHECKED = 'use_after_free'
// Threads of Python 3.11 break what makes the requests, and one process waits more than it works.
const PROCESSES = 4
const WORKERS = '1'
const SEED_MAX = 2 ** 31
const FOREVER_MS = 60 * 60_000

const report = z.object({
  complete: z.boolean(),
  operations: z.object({ total: z.number(), tested: z.number() }),
  test_cases: z.object({ generated: z.number(), unique_failures: z.number() }),
  errors: z.array(z.unknown()),
})
type Report = z.output<typeof report>

/**
 * `npm run test:fuzz`: every operation of the served OpenAPI document is asked what schemathesis makes from it, at
 * the real services with API keys, by several processes that each have a seed and their part of the requests.
 * `--requests 2000` asks less than 20,000 times; `--seed N` repeats a run.
 */
const { values: options } = parseArgs({
  options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string' } },
})
const requests = z.coerce.number().int().min(100).parse(options.requests)
const firstSeed = z.coerce
  .number()
  .int()
  .parse(options.seed ?? randomInt(SEED_MAX))
const python = await execa('python3', ['-c', WHAT_IT_IS], { reject: false, timeout: 30_000 })
if (python.exitCode === 0) await fuzz(python.stdout)
else {
  process.stdout.write(`test:fuzz not run: ${PYTHON_AT_LEAST} is not on PATH\n`)
  process.stdout.write('\n0 passed, 0 failed, 1 skipped\n')
  process.exitCode = 1
}

async function fuzz(pythonIs: string): Promise<void> {
  const packages = cached('fuzz', [await readFile(requirements, 'utf8'), pythonIs])
  const path = await packages.made(install)
  await using reports = await tempFolder('storewright-fuzz-')
  const operatorKey = randomBytes(32).toString('hex')
  await using stack = await npmStart({
    AUTH: 'keys',
    OPERATOR_KEY: operatorKey,
    RATE_LIMIT_PER_MINUTE: '100000000',
    LOOP_DELAY_MAX_MS: '60000',
  })
  const env = {
    PYTHONPATH: path,
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    FUZZ_HOOKS: join(folder, 'hooks.py'),
    FUZZ_KEY: await tenantKey(stack.url, operatorKey),
  }
  const ask = async (part: number): Promise<Report> => {
    const file = join(reports.path, `${part}.json`)
    const { all, exitCode } = await execa('python3', ['-c', START_TOOL, ...argsFor(file, part)], {
      // It leaves files where it runs.
      cwd: reports.path,
      env,
      reject: false,
      stdin: 'ignore',
      all: true,
      timeout: FOREVER_MS,
    })
    process.stdout.write(`${all}\n`)
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) throw new Error(`schemathesis ended with ${exitCode} before it counted`)
    return report.parse(JSON.parse(text))
  }
  const argsFor = (file: string, part: number): string[] => {
    const perOperation = Math.ceil(requests / Object.keys(operations).length / PROCESSES)
    const config = ['--config-file', join(folder, 'schemathesis.toml')]
    const checks = ['--checks', 'all', '--exclude-checks', NOT_CHECKED]
    const amount = ['--workers', WORKERS, '--max-examples', `${perOperation}`]
    const seed = ['--seed', `${firstSeed + part}`]
    const to = ['--report', 'json', '--report-json-path', file]
    return [...config, 'run', `${stack.url}/openapi.json`, ...checks, ...amount, ...seed, ...to]
  }
  process.stdout.write(`${PROCESSES} processes ask ${stack.url}, with --seed ${firstSeed}\n`)
  tell(await Promise.all(Array.from({ length: PROCESSES }, (_, part) => ask(part))))
}

async function install(target: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', '--target', target]
  await execa('python3', [...pip, '-r', requirements], { stdio: 'inherit', timeout: FOREVER_MS })
}

/** The key of the tenant that hooks.py names. */
async function tenantKey(url: string, operatorKey: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/keys`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${operatorKey}`,
      'x-tenant': 'fuzz',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ name: 'fuzz', roles: ['admin'] }),
  })
  return z.object({ secret: z.string() }).parse(await answer.json()).secret
}

/** Passed are requests; failed are the kinds of failures among them; skipped are operations. */
function tell(parts: Report[]): void {
  const sum = (of: (part: Report) => number) => parts.reduce((all, part) => all + of(part), 0)
  const generated = sum((part) => part.test_cases.generated)
  const found = sum((part) => part.test_cases.unique_failures)
  const notes = [
    ...(parts.every(({ complete }) => complete) ? [] : ['failed: test:fuzz: it was broken off']),
    ...(generated < requests
      ? [`failed: test:fuzz: ${generated} of ${requests} requests were made`]
      : []),
  ]
  const failed = found + sum(({ errors }) => errors.length) + notes.length
  const skipped = Math.max(...parts.map(({ operations: told }) => told.total - told.tested))
  process.stdout.write(`\n${notes.map((note) => `${note}\n`).join('')}`)
  process.stdout.write(`${generated - found} passed, ${failed} failed, ${skipped} skipped\n`)
  process.exitCode = failed > 0 ? 1 : 0
}
