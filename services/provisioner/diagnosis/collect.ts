import { redact } from '../redact.ts'
import * as api from './api-objects.ts'
import type { Event } from './api-objects.ts'
import type { Evidence, WarningEvidence } from './evidence.ts'
import { podEvidence, readLogs, workloadEvidence } from './pods.ts'
import { openReader, type Reader, type ReadOnlyClient } from './reader.ts'

const LIMIT_MS = 20_000

/**
 * Reads everything that can tell why a store in this namespace is not ready, within 20 s, with every secret
 * of the namespace hidden. Never rejects: `gaps` names what could not be read.
 */
export async function collectEvidence(
  client: ReadOnlyClient,
  namespace: string,
  signal: AbortSignal,
): Promise<Evidence> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)])
  const reader = openReader(client, namespace, limit)
  const secrets = await readSecrets(reader)
  const hide = (text: string) => redact(text, secrets ?? [])
  const [parts, all] = await Promise.all([readObjects(reader), readEvents(reader)])
  const warnings = all.map(warningEvidence).map((one) => ({ ...one, message: hide(one.message) }))
  const pods = parts.pods.map((pod) => podEvidence(pod, hide))
  const source = { reader, namespace, hide, secretsKnown: secrets !== undefined }
  return {
    takenAt: new Date().toISOString(),
    pods,
    workloads: workloadEvidence(parts, { warnings, hide }),
    pvcs: parts.pvcs.map(pvcEvidence),
    jobs: parts.jobs.map((job) => jobEvidence(job, hide)),
    usedUp: parts.quotas.flatMap(usedUp),
    warnings,
    logs: await readLogs(pods, source),
    gaps: reader.gaps.map(hide),
    redact: hide,
  }
}

/** The values of all Secrets but helm's records, or undefined where they cannot be read. */
async function readSecrets(reader: Reader): Promise<string[] | undefined> {
  const known = reader.gaps.length
  const secrets = await reader.list(
    'api/v1 secrets',
    api.secret,
    '&fieldSelector=type%21%3Dhelm.sh%2Frelease.v1',
  )
  if (reader.gaps.length > known) return undefined
  return secrets
    .flatMap(({ data }) => Object.values(data))
    .map((value) => Buffer.from(value, 'base64').toString('utf8').trim())
}

async function readObjects({ list }: Reader) {
  const [pods, deployments, statefulSets, replicaSets, pvcs, jobs, quotas] = await Promise.all([
    list('api/v1 pods', api.pod),
    list('apis/apps/v1 deployments', api.workload),
    list('apis/apps/v1 statefulsets', api.workload),
    list('apis/apps/v1 replicasets', api.workload),
    list('api/v1 persistentvolumeclaims', api.pvc),
    list('apis/batch/v1 jobs', api.job),
    list('api/v1 resourcequotas', api.quota),
  ])
  return { pods, deployments, statefulSets, replicaSets, pvcs, jobs, quotas }
}

async function readEvents({ list }: Reader): Promise<api.Event[]> {
  return newestFirst(await list('api/v1 events', api.event, '&fieldSelector=type%3DWarning'))
}

type Objects = Awaited<ReturnType<typeof readObjects>>

function pvcEvidence({ metadata, status }: Objects['pvcs'][number]) {
  const { name, uid, creationTimestamp } = metadata
  const ageMs = Math.max(0, Date.now() - Date.parse(creationTimestamp)) || 0
  return { name, uid, phase: status.phase, ageMs }
}

function jobEvidence({ metadata, status }: Objects['jobs'][number], hide: Evidence['redact']) {
  const failed = status.conditions.find((each) => each.type === 'Failed' && each.status === 'True')
  return {
    name: metadata.name,
    ofCronJob: metadata.ownerReferences.some(({ kind }) => kind === 'CronJob'),
    failure: failed && hide(`${failed.reason}: ${failed.message}`),
  }
}

function usedUp({ metadata, status: { hard, used } }: Objects['quotas'][number]): string[] {
  return Object.entries(hard)
    .filter(([what, most]) => most !== '0' && used[what] === most)
    .map(([what, most]) => `quota ${metadata.name}: ${what} ${most} of ${most}`)
}

/** Events, the most recently seen first. */
function newestFirst(events: Event[]): Event[] {
  return events.toSorted((a, b) => seenAt(b).localeCompare(seenAt(a)))
}

function warningEvidence({ involvedObject, reason, message }: Event): WarningEvidence {
  return { ...involvedObject, reason, message }
}

// Which field holds the time depends on the component that wrote it; all are ISO 8601.
function seenAt({ series, lastTimestamp, eventTime, metadata }: Event): string {
  return series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp
}
