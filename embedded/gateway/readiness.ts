import { z } from 'zod'

const PROBE_TIMEOUT_MS = 5_000
const readinessBody = z.object({ failing: z.array(z.string()) })

/** Where each service listens, by name; where a service runs twice, the second is `<name>-2`. */
export type ServiceUrls = Record<string, string> & Record<'command-api' | 'query-api', string>

/** The readiness of the whole: every service and what it needs. */
export async function readiness(services: ServiceUrls): Promise<{ status: number; body: object }> {
  const states = await Promise.all(
    Object.entries(services).map(async ([name, url]) => [name, await failuresOf(url)] as const),
  )
  const checks = Object.fromEntries(states.map(([name, failing]) => [name, stateOf(failing)]))
  const failing = [...new Set(states.flatMap(([name, failures]) => failures ?? [name]))]
  const isReady = failing.length === 0
  const status = isReady ? 'ok' : 'unavailable'
  return {
    status: isReady ? 200 : 503,
    body: { status, service: 'storewright', checks, failing },
  }
}

function stateOf(failing: string[] | undefined) {
  if (failing === undefined) return { status: 'failing', failing: ['does not answer'] }
  return failing.length === 0 ? { status: 'ok' } : { status: 'failing', failing }
}

/** The checks of a service that fail; undefined when it does not answer itself. */
async function failuresOf(url: string): Promise<string[] | undefined> {
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    const response = await fetch(new URL('/health/ready', url), { signal })
    const { failing } = readinessBody.parse(await response.json())
    return response.ok ? [] : failing
  } catch {
    return undefined
  }
}
