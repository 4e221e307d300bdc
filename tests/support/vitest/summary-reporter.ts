import type { Reporter, TestModule } from 'vitest/node'

type Counts = Record<'passed' | 'failed' | 'skipped', number>

/**
 * Names the tests that could not run here, and why; ends the run with one plain line, alone, that says how many
 * passed, failed and were skipped.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts: Counts = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) count(module, counts)
    process.stdout.write(
      `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    )
  }
}

// A file or a suite that fails outside its tests counts as one failure.
function count(module: TestModule, counts: Counts): void {
  counts.failed += module.errors().length
  for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
  for (const test of module.children.allTests()) {
    const { state, ...result } = test.result()
    if ('note' in result && result.note)
      process.stdout.write(`\nnot run: ${test.name}: ${result.note}`)
    counts[state === 'pending' ? 'failed' : state] += 1
  }
}
