import type { Reporter, TestModule } from 'vitest/node'

type Counts = Record<'passed' | 'failed' | 'skipped', number>

/**
 * Names the tests that could not run here, and why, and those that failed, one plain line each; ends the run with
 * one line, alone, that says how many passed, failed and were skipped.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts: Counts = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) count(module, counts)
    for (const error of errors) nameFailure('outside of any test', [error])
    process.stdout.write(
      `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    )
  }
}

// A file or a suite that fails outside its tests counts as one failure.
function count(module: TestModule, counts: Counts): void {
  const file = module.relativeModuleId
  counts.failed += module.errors().length
  nameFailure(file, module.errors())
  for (const suite of module.children.allSuites()) {
    counts.failed += suite.errors().length
    nameFailure(`${file} > ${suite.fullName}`, suite.errors())
  }
  for (const test of module.children.allTests()) {
    const { state, ...result } = test.result()
    if ('note' in result && result.note)
      process.stdout.write(`\nnot run: ${test.name}: ${result.note}`)
    if (state === 'failed') nameFailure(`${file} > ${test.fullName}`, test.result().errors ?? [])
    if (state === 'pending') nameFailure(`${file} > ${test.fullName}`, ['it did not end'])
    counts[state === 'pending' ? 'failed' : state] += 1
  }
}

// The last lines of a long run are what is read and kept: a failure is told there once more.
function nameFailure(place: string, errors: readonly unknown[]): void {
  for (const error of errors.slice(0, 1)) {
    const message = error instanceof Object && 'message' in error ? error.message : error
    process.stdout.write(`\nfailed: ${place}: ${String(message).split('\n')[0]}`)
  }
}
