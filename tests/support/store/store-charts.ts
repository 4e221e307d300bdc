import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dump, load } from 'js-yaml'
import { z } from 'zod'
import type { StoreImages } from '../../../tools/cluster/images/paths.ts'

const charts = fileURLToPath(new URL('../../../deploy/charts', import.meta.url))
const values = z.looseObject({ images: z.looseObject({}) })
const chartFile = z.looseObject({ version: z.string() })
const plans = z.looseObject({
  small: z.looseObject({
    server: z.looseObject({ resources: z.looseObject({ requests: z.looseObject({}) }) }),
  }),
})

/** The charts as an operator has them who keeps images elsewhere. */
export async function storeCharts(folder: string, images: StoreImages) {
  const path = join(folder, 'charts')
  await cp(charts, path, { recursive: true })
  const medusa = join(path, 'medusa')
  await change(join(medusa, 'values.yaml'), values, (given) => ({
    ...given,
    images: {
      ...given.images,
      server: images.server.reference,
      database: images.database.reference,
      cache: images.cache.reference,
    },
  }))
  return {
    path,
    /** What a new version of the chart brings: its number, and a server with other needs. */
    release: async (version: string): Promise<void> => {
      await change(join(medusa, 'plans.yaml'), plans, ({ small, ...others }) => {
        const { resources } = small.server
        const requests = { ...resources.requests, cpu: '190m' }
        const server = { ...small.server, resources: { ...resources, requests } }
        return { ...others, small: { ...small, server } }
      })
      await change(join(medusa, 'Chart.yaml'), chartFile, (given) => ({ ...given, version }))
    },
  }
}

async function change<T>(
  file: string,
  schema: z.ZodType<T>,
  edit: (content: T) => object,
): Promise<void> {
  const content = schema.parse(load(await readFile(file, 'utf8')))
  await writeFile(file, dump(edit(content)))
}
