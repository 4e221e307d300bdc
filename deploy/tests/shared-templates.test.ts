import { readFile } from 'node:fs/promises'
import { engines } from '#domain'
import { expect, test } from 'vitest'
import { deployPath } from './rendering/render-chart.ts'

test.each(['_store.tpl', 'network.yaml', 'route.yaml', 'server-scale.yaml'])(
  '%s is the same in every store chart',
  async (file) => {
    const texts = await Promise.all(
      engines.map((chart) => readFile(deployPath('charts', chart, 'templates', file), 'utf8')),
    )
    expect(new Set(texts).size).toBe(1)
  },
)
