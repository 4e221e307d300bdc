import { z } from 'zod'

const ANSWER_TIMEOUT_MS = 5_000
const operations = z.record(z.string(), z.unknown())
const description = z.looseObject({ paths: z.record(z.string(), operations).default({}) })

type Description = z.output<typeof description>

/** The whole API in one description, as if one service served it. */
export async function mergedOpenApi(urls: string[]): Promise<{ status: number; body: object }> {
  const all = await Promise.all(urls.map(read))
  const info = { title: 'Storewright', version: '1' }
  return { status: 200, body: { ...all[0], info, paths: mergePaths(all) } }
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
