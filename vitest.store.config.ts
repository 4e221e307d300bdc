import { defineConfig } from 'vitest/config'
import { forgetSettings } from '#test/vitest/forget-settings'

forgetSettings(process.env)

/** Apart from the default run: these tests need root on Linux, and programs and images made once. */
export default defineConfig({
  test: {
    name: 'store',
    include: ['{tools,tests}/**/*.store.test.ts'],
    globalSetup: ['tests/support/vitest/store-setup.ts', 'tests/support/vitest/global-setup.ts'],
    reporters: ['default', './tests/support/vitest/summary-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 20 * 60_000,
    // There can be one real node on a machine.
    fileParallelism: false,
  },
})
