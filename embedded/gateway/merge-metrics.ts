import type { FastifyInstance } from 'fastify'

const ANSWER_TIMEOUT_MS = 5_000
const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** `/metrics`: what every service measures, each sample labelled with its service. */
export function mergeMetrics(app: FastifyInstance, services: Record<string, string>): void {
  app.get('/metrics', async (_request, reply) => {
    const texts = await Promise.all(
      Object.entries(services).map(async ([service, url]) => ({ service, text: await read(url) })),
    )
    return reply.type(contentType).send(mergeTexts(texts))
  })
}

/** One exposition text of several: a metric's lines together, its HELP and TYPE once. */
function mergeTexts(texts: { service: string; text: string }[]): string {
  const metrics = new Map<string, { about: Set<string>; samples: string[] }>()
  for (const { service, text } of texts) {
    let metric = { about: new Set<string>(), samples: new Array<string>() }
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const [, name] = /^# (?:HELP|TYPE) (\S+)/.exec(line) ?? []
      if (name === undefined) metric.samples.push(labelled(line, service))
      else {
        metric = metrics.get(name) ?? { about: new Set(), samples: [] }
        metrics.set(name, metric)
        if (![...metric.about].some((about) => about.startsWith(line.slice(0, 6))))
          metric.about.add(line)
      }
    }
  }
  const lines = [...metrics.values()].flatMap(({ about, samples }) => [...about, ...samples])
  return `${lines.join('\n')}\n`
}

function labelled(sample: string, service: string): string {
  const [, name, labels, value] = /^([\w:]+)(?:\{(.*)\})? (.+)$/.exec(sample) ?? []
  const all = [`service="${service}"`, labels].filter((each) => each !== undefined && each !== '')
  return `${name}{${all.join(',')}} ${value}`
}

async function read(url: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    return await (await fetch(new URL('/metrics', url), { signal })).text()
  } catch {
    return ''
  }
}
