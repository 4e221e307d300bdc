import { defineConfig } from 'vitest/config'
import { forgetSettings } from '#test/vitest/forget-settings'

forgetSettings(process.env)

/** Apart from the default run: a real Medusa comes from npm, 700 MB and minutes, once. */
export default defineConfig({
  test: {
    name: 'medusa',
    include: ['{services,tests}/**/*.medusa.test.ts'],
    globalSetup: ['tests/support/vitest/global-setup.ts'],
    reporters: ['default', './tests/support/vitest/summary-reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 20 * 60_000,
    fileParallelism: false,
  },
})
