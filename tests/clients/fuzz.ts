import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { type ClientSuite, endedEarly, programOptions } from './suite.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FILE = 'embedded/eventstore/odd-messages.int.test.ts'
const CALLS = 10_000

/** What no client sends: the test of odd messages, with ten times its calls to every method. */
export function fuzzSuite(): ClientSuite {
  return {
    name: `gRPC, ${CALLS.toLocaleString('en')} odd calls of each method`,
    lacking: async () => [],
    isWarm: async () => true,
    run: async () => {
      const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'integration', FILE]
      const { stdout, exitCode } = await execa(process.execPath, vitest, {
        ...programOptions,
        cwd: root,
        env: { TEST_CALLS: `${CALLS}` },
      })
      const [, passed, failed, skipped] =
        /^(\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(stdout) ?? []
      if (passed === undefined) return endedEarly(`vitest ended with ${exitCode}`)
      const names = Array.from({ length: Number(failed) }, () => `a test of ${FILE}`)
      return { passed: Number(passed), failed: names, skipped: Number(skipped) }
    },
  }
}
