import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

const ANSWER_TIMEOUT_MS = 5_000
const readiness = z.object({ failing: z.array(z.string()) })

/** `/health` and `/health/live`: this process answers. `/health/ready`: every service and what it needs. */
export function reportHealth(app: FastifyInstance, services: Record<string, string>): void {
  app.get('/health', () => ({ status: 'ok', service: 'storewright' }))
  app.get('/health/live', () => ({ status: 'ok', service: 'storewright' }))
  app.get('/health/ready', async (_request, reply) => {
    const states = await Promise.all(
      Object.entries(services).map(async ([name, url]) => [name, await failuresOf(url)] as const),
    )
    const checks = Object.fromEntries(states.map(([name, failing]) => [name, stateOf(failing)]))
    const failing = [...new Set(states.flatMap(([name, parts]) => parts?.map(String) ?? [name]))]
    const ready = failing.length === 0
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ok' : 'unavailable', service: 'storewright', checks, failing })
  })
}

function stateOf(failing: string[] | undefined) {
  if (failing === undefined) return { status: 'failing', failing: ['does not answer'] }
  return failing.length === 0 ? { status: 'ok' } : { status: 'failing', failing }
}

/** The parts a service waits for; undefined when it does not answer itself. */
async function failuresOf(url: string): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const response = await fetch(new URL('/health/ready', url), { signal })
    const { failing } = readiness.parse(await response.json())
    return response.ok ? [] : failing
  } catch {
    return undefined
  }
}
