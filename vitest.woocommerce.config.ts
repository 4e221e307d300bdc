import { defineConfig } from 'vitest/config'

/** Apart from the default run: a real WordPress in a network of its own. `npm run test:woocommerce` starts it. */
export default defineConfig({
  test: {
    name: 'woocommerce',
    include: ['tests/woocommerce/**/*.woocommerce.test.ts'],
    reporters: ['default', './tests/support/vitest/summary-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // The chart's own ports are there once.
    fileParallelism: false,
  },
})
