import { defineConfig } from 'vitest/config'
import { forgetSettings } from '#test/vitest/forget-settings'

forgetSettings(process.env)

/** Apart from the default run: these tests need programs that Go builds once, in minutes. */
export default defineConfig({
  test: {
    name: 'cluster',
    include: [
      '{shared,services,embedded,tools,tests,deploy}/**/*.cluster.test.ts',
      // Whose coverage is held here.
      'services/provisioner/drivers/cluster/**/*.test.ts',
    ],
    globalSetup: ['tests/support/vitest/cluster-setup.ts', 'tests/support/vitest/global-setup.ts'],
    reporters: ['default', './tests/support/vitest/summary-reporter.ts'],
    // For how much longer a test waits for what will come, and how long it may take then.
    env: { TEST_PATIENCE: '4' },
    testTimeout: 300_000,
    // Longer than a cluster may take to start, so that one that does not can say why.
    hookTimeout: 240_000,
    // Each file has a control plane of half a gigabyte, and waits most of its time.
    maxWorkers: 2,
    // Tests of one file that wait side by side.
    maxConcurrency: 16,
    coverage: {
      provider: 'v8',
      include: ['services/provisioner/drivers/cluster/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      reportsDirectory: '.storewright/coverage-cluster',
      reportOnFailure: true,
      thresholds: { lines: 85, branches: 85 },
    },
  },
})
