import { defineConfig } from 'vitest/config'

/** Apart from the default run: these tests need programs that Go builds once, in minutes. */
export default defineConfig({
  test: {
    name: 'cluster',
    include: ['{shared,services,embedded,tests,deploy}/**/*.cluster.test.ts'],
    globalSetup: ['tests/support/cluster-setup.ts', 'tests/support/global-setup.ts'],
    reporters: ['default', './tests/support/summary-reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One control plane at a time: each takes half a gigabyte and, while it starts, both cores.
    fileParallelism: false,
  },
})
