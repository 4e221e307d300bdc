import { printable } from '../redact.ts'
import type { ContainerEvidence, LogEvidence, PodEvidence } from './evidence.ts'
import type { Reader } from './reader.ts'

const CONTAINERS_MAX = 6
const LINES_MAX = 20
const BYTES_MAX = 16 * 1024
const LINE_CHARACTERS_MAX = 300

interface LogSource {
  reader: Reader
  namespace: string
  hide: (text: string) => string
  /** Without them no output of a program is shown, since it may hold secrets. */
  secretsKnown: boolean
}

/** The last lines of each unhealthy container that has run; of its previous run where there was one. */
export async function readLogs(pods: PodEvidence[], source: LogSource): Promise<LogEvidence[]> {
  const unwell = pods
    .filter((pod) => !pod.ending && !pod.ready && pod.phase !== 'Succeeded')
    .flatMap((pod) => pod.containers.filter(hasSpoken).map((container) => ({ pod, container })))
    .toSorted((a, b) => b.container.restarts - a.container.restarts)
    .slice(0, CONTAINERS_MAX)
  if (unwell.length > 0 && !source.secretsKnown) {
    source.reader.gaps.push('logs (not shown, since the secrets in them are not known)')
    return []
  }
  const logs = unwell.map(({ pod, container }) => readLog(pod.name, container, source))
  return (await Promise.all(logs)).filter(({ lines }) => lines.length > 0)
}

function hasSpoken({ state, exitCode, restarts }: ContainerEvidence): boolean {
  return restarts > 0 || state === 'running' || (state === 'terminated' && exitCode !== 0)
}

async function readLog(
  pod: string,
  { name: container, restarts, state }: ContainerEvidence,
  { reader, namespace, hide }: LogSource,
): Promise<LogEvidence> {
  const query = `container=${container}&tailLines=${LINES_MAX}&limitBytes=${BYTES_MAX}`
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`
  const ended = restarts > 0 && state !== 'terminated'
  try {
    const text = ended
      ? await reader.get(`${path}&previous=true`).catch(() => reader.get(path))
      : await reader.get(path)
    return { pod, container, lines: linesOf(String(text), hide) }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    reader.gaps.push(`log of ${pod}/${container} (${printable(why, LINE_CHARACTERS_MAX)})`)
    return { pod, container, lines: [] }
  }
}

function linesOf(text: string, hide: (text: string) => string): string[] {
  const wasCut = Buffer.byteLength(text) >= BYTES_MAX
  // The cut line may hold half of a secret, which would not be recognised.
  const whole = wasCut ? text.slice(0, text.lastIndexOf('\n') + 1) : text
  return hide(whole)
    .split('\n')
    .map((line) => printable(line, LINE_CHARACTERS_MAX))
    .filter((line) => line !== '')
}
