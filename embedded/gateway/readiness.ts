import { z } from 'zod'
import { wholeStatus } from '#http'

const PROBE_TIMEOUT_MS = 5_000
const names = z.array(z.string())
const readinessBody = z.object({ failing: names, degraded: names.default([]) })
type Readiness = z.output<typeof readinessBody>

/** Where each service listens, by name; where a service runs twice, the second is `<name>-2`. */
export type ServiceUrls = Record<string, string> & Record<'command-api' | 'query-api', string>

/** The readiness of the whole: every service and what it needs. */
export async function readiness(services: ServiceUrls): Promise<{ status: number; body: object }> {
  const states = await Promise.all(
    Object.entries(services).map(async ([name, url]) => [name, await failuresOf(url)] as const),
  )
  const checks = Object.fromEntries(states.map(([name, found]) => [name, stateOf(found)]))
  const failing = [...new Set(states.flatMap(([name, found]) => found?.failing ?? [name]))]
  const degraded = [...new Set(states.flatMap(([, found]) => found?.degraded ?? []))]
  return {
    status: failing.length === 0 ? 200 : 503,
    body: {
      status: wholeStatus(failing, degraded),
      service: 'storewright',
      checks,
      failing,
      degraded,
    },
  }
}

function stateOf(found: Readiness | undefined) {
  if (found === undefined) return { status: 'failing', failing: ['does not answer'] }
  const { failing, degraded } = found
  if (failing.length > 0) return { status: 'failing', failing }
  return degraded.length > 0 ? { status: 'degraded', degraded } : { status: 'ok' }
}

/** The checks of a service that fail; undefined when it does not answer itself. */
async function failuresOf(url: string): Promise<Readiness | undefined> {
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    const response = await fetch(new URL('/health/ready', url), { signal })
    return readinessBody.parse(await response.json())
  } catch {
    return undefined
  }
}
