import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

const ANSWER_TIMEOUT_MS = 5_000
const operations = z.record(z.string(), z.unknown())
const description = z.looseObject({ paths: z.record(z.string(), operations).default({}) })

type Description = z.output<typeof description>

/** `/openapi.json`: the whole API in one description, as if one service served it. */
export function mergeOpenApi(app: FastifyInstance, urls: string[]): void {
  app.get('/openapi.json', async () => {
    const all = await Promise.all(urls.map(read))
    return { ...all[0], info: { title: 'Storewright', version: '1' }, paths: mergePaths(all) }
  })
}

function mergePaths(all: Description[]): Description['paths'] {
  const paths: Description['paths'] = {}
  for (const { paths: some } of all)
    for (const [path, methods] of Object.entries(some)) paths[path] = { ...paths[path], ...methods }
  return paths
}

async function read(url: string): Promise<Description> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  return description.parse(await (await fetch(new URL('/openapi.json', url), { signal })).json())
}
