import type { Failure } from '#domain'
import * as act from './rule.ts'
import type { HelmRun, Rule } from './rule.ts'

/** A class of refusals by the API server, recognised by a text that only they contain. */
interface Refusal extends Omit<Failure, 'detail'> {
  said: RegExp
}

/** The most specific first. They occur in helm's output and in what controllers report about their pods. */
export const refusals: readonly Refusal[] = [
  {
    // A webhook that is down often comes back; one that denies will deny again.
    said: /failed calling webhook/,
    reason: 'ADMISSION_DENIED',
    retryable: true,
    nextAction: act.fixWebhook,
  },
  {
    said: /violates PodSecurity|admission webhook "[^"]*" denied|ValidatingAdmissionPolicy '[^']*'.*denied|denied request/,
    reason: 'ADMISSION_DENIED',
    retryable: false,
    nextAction: act.fitPolicy,
  },
  {
    // Terminating objects may still use the quota.
    said: /exceeded quota:/,
    reason: 'QUOTA_EXCEEDED',
    retryable: true,
    nextAction: act.raiseQuota,
  },
  {
    said: /failed quota:|(?:maximum|minimum) \S+ (?:usage|limit) per|max limit to request ratio per/,
    reason: 'QUOTA_EXCEEDED',
    retryable: false,
    nextAction: act.raiseQuota,
  },
  {
    said: /is forbidden: User "|cannot \w+ resource|Unauthorized|must be logged in|provide credentials/,
    reason: 'ACCESS_DENIED',
    retryable: true,
    nextAction: act.grantAccess,
  },
  {
    said: /because it is being terminated/,
    reason: 'HELM_PENDING',
    retryable: true,
    nextAction: act.unblock,
  },
]

/** The provisioner ended helm: the cluster's unfinished state explains nothing. */
export const runRules: readonly Rule[] = [
  ...(
    ['NOT_STARTED', 'STOPPED', 'LEASE_EXPIRED', 'PROVISIONER_GONE', 'SUPERVISOR_LOST'] as const
  ).map((reason) =>
    endedBy(reason, { reason: 'WORKER_LOST', retryable: true, nextAction: act.tryAgain }),
  ),
  endedBy('DISK_FULL', { reason: 'DISK_FULL', retryable: true, nextAction: act.freeSpace }),
  endedBy('OUTPUT_FAILED', { reason: 'UNKNOWN', retryable: true, nextAction: act.tryAgain }),
  endedBy('OUTPUT_TOO_LARGE', {
    reason: 'CHART_INVALID',
    retryable: false,
    nextAction: act.fixChart,
  }),
]

const causes: readonly Refusal[] = [
  {
    said: /cluster unreachable|connection refused|no such host|TLS handshake timeout|i\/o timeout|connection reset by peer|x509:/,
    reason: 'CLUSTER_UNREACHABLE',
    retryable: true,
    nextAction: act.reachCluster,
  },
  ...refusals,
  {
    said: /invalid ownership metadata|cannot be imported into the current release/,
    reason: 'RELEASE_CONFLICT',
    retryable: false,
    nextAction: act.findOwner,
  },
  {
    said: /Apply failed with \d+ conflict/,
    reason: 'RELEASE_CONFLICT',
    retryable: false,
    nextAction: act.releaseField,
  },
  {
    said: /another operation \(install\/upgrade\/rollback\) is in progress|cannot re-use a name/,
    reason: 'HELM_PENDING',
    retryable: true,
    nextAction: act.unblock,
  },
  {
    said: /only dynamically provisioned pvc can be resized|can not be less than (?:previous value|status\.capacity)/,
    reason: 'VOLUME_RESIZE_REFUSED',
    retryable: false,
    nextAction: act.keepSize,
  },
  {
    said: /values don't meet the specifications of the schema/,
    reason: 'VALUES_INVALID',
    retryable: false,
    nextAction: act.fixChart,
  },
  {
    said: /parse error (?:at|on)|execution error at|error (?:calling|validating|unmarshaling)|unable to build kubernetes objects|no matches for kind|unknown field|field not declared in schema|field is immutable|updates to statefulset spec|Chart\.yaml file is missing|is invalid: (?:spec|metadata)/,
    reason: 'CHART_INVALID',
    retryable: false,
    nextAction: act.fixChart,
  },
]

/** Helm stopped by itself and says why. */
export const stderrRules: readonly Rule[] = causes.map(saidByHelm)

/** Helm waited until its timeout, and nothing in the cluster says why. */
export const lateRules: readonly Rule[] = [
  saidByHelm({
    said: /PVC is not Bound/,
    reason: 'PVC_PENDING',
    retryable: true,
    nextAction: act.fixStorage,
  }),
]

function endedBy(ended: HelmRun['reason'], failure: Omit<Failure, 'detail'>): Rule {
  return {
    ...failure,
    find: ({ helm }) => (helm.reason === ended ? `helm was ended: ${ended}` : undefined),
  }
}

function saidByHelm({ said, ...failure }: Refusal): Rule {
  return {
    ...failure,
    find: ({ helm }) =>
      said.test(helm.stderr) ? `helm: ${lineWith(said, helm.stderr)}` : undefined,
  }
}

// Warnings of the API server come before it.
function lineWith(said: RegExp, stderr: string): string {
  const lines = stderr.split('\n')
  return lines.slice(lines.findIndex((line) => said.test(line))).join(' ') || stderr
}
