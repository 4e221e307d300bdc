import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { deployPath } from './rendering/render-chart.ts'

test.each(['_store.tpl', 'network.yaml', 'route.yaml', 'server-scale.yaml'])(
  '%s is the same in both store charts',
  async (file) => {
    const [medusa, woocommerce] = await Promise.all(
      ['medusa', 'woocommerce'].map((chart) =>
        readFile(deployPath('charts', chart, 'templates', file), 'utf8'),
      ),
    )
    expect(woocommerce).toBe(medusa)
  },
)
