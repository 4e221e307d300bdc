import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { z } from 'zod'
import { deployPath } from './render-chart.ts'

const schema = z.object({ name: z.string(), version: z.string(), appVersion: z.string() })

/** What a chart says of itself. */
export async function chartFile(chart: string) {
  return schema.parse(load(await readFile(deployPath('charts', chart, 'Chart.yaml'), 'utf8')))
}
