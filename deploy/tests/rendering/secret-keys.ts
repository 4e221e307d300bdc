import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { z } from 'zod'
import { deployPath } from './render-chart.ts'

const chartSchema = z.looseObject({
  annotations: z.object({ 'storewright.dev/secret-keys': z.string() }),
})

/** The keys a chart says it takes from the store's Secret, sorted. */
export async function secretKeys(engine: string): Promise<string[]> {
  const file = await readFile(deployPath('charts', engine, 'Chart.yaml'), 'utf8')
  const { annotations } = chartSchema.parse(load(file))
  return annotations['storewright.dev/secret-keys'].trim().split(/\s+/)
}
