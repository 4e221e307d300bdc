import { defineConfig } from 'vitest/config'
import { forgetSettings } from '#test/vitest/forget-settings'

forgetSettings(process.env)

const sources = '{shared,services,embedded,tools,deploy}'

export default defineConfig({
  test: {
    reporters: ['default', './tests/support/vitest/summary-reporter.ts'],
    coverage: {
      provider: 'v8',
      include: ['{shared,services}/**/*.ts'],
      exclude: [
        '**/*.test.ts',
        '**/*.bench.ts',
        '**/fixtures/**',
        // Runs against a Kubernetes API: npm run test:cluster holds it.
        'services/provisioner/drivers/cluster/**',
      ],
      reporter: ['text-summary', 'json-summary', 'html'],
      reportOnFailure: true,
      thresholds: { lines: 85, branches: 85 },
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${sources}/**/*.test.ts`, 'tests/repository/*.test.ts'],
          exclude: ['**/*.{int,cluster,medusa,store}.test.ts', '**/node_modules/**'],
          // Against what hangs: properties take seconds, and many more beside other work.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: [`${sources}/**/*.int.test.ts`, 'clients/tests/*.int.test.ts'],
          globalSetup: 'tests/support/vitest/global-setup.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Schedules of outages mostly wait.
          maxConcurrency: 8,
        },
      },
      {
        test: {
          name: 'conversations',
          include: ['tests/conversations/*.test.ts'],
          globalSetup: 'tests/support/vitest/global-setup.ts',
          testTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'faults',
          include: ['tests/faults/**/*.test.ts'],
          exclude: ['tests/faults/every-process-killed.test.ts', '**/*.cluster.test.ts'],
          globalSetup: 'tests/support/vitest/global-setup.ts',
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Mostly waiting for leases to run out: many at a time cost little.
          maxWorkers: 4,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts', 'tests/faults/every-process-killed.test.ts'],
          exclude: ['**/*.cluster.test.ts', '**/node_modules/**'],
          globalSetup: 'tests/support/vitest/global-setup.ts',
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          // The whole stack at a time, after everything that runs side by side.
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
