import { type Failure, hasCode } from '#domain'
import { refusals } from '../diagnosis/rules/helm.ts'
import type { Ended } from '../helm/run-supervised.ts'
import { printable } from '../redact.ts'
import type { ObservedRelease } from './driver.ts'

const DETAIL_CHARACTERS_MAX = 600

/** Why a run of helm did not lead to the wanted release. */
export function classifyRun(ended: Ended | undefined, observed: ObservedRelease): Failure {
  if (ended === undefined) return { ...stuck, detail: `The release stays ${observed.status}` }
  const detail = `The release is ${observed.status}; helm ${whatHappened(ended)}`
  switch (ended.reason) {
    case 'LIMIT':
      return { reason: 'TIMEOUT', retryable: true, detail, nextAction: tryAgain }
    case 'OUTPUT_TOO_LARGE':
      return { reason: 'CHART_INVALID', retryable: false, detail, nextAction: fixChart }
    case 'NOT_STARTED':
    case 'STOPPED':
    case 'LEASE_EXPIRED':
    case 'PROVISIONER_GONE':
    case 'SUPERVISOR_LOST':
      return { reason: 'WORKER_LOST', retryable: true, detail, nextAction: tryAgain }
    case undefined:
      return { reason: 'HELM_FAILED', retryable: true, detail, nextAction: fixChart }
  }
}

/** Why an attempt ended with an error of our own. */
export function classifyError(error: unknown): Failure {
  const detail = printable(
    error instanceof Error ? error.message : String(error),
    DETAIL_CHARACTERS_MAX,
  )
  if (hasCode(error, 'VALUES_INVALID'))
    return { reason: 'VALUES_INVALID', retryable: false, detail, nextAction: otherValues }
  if (hasCode(error, 'CHART_INVALID'))
    return { reason: 'CHART_INVALID', retryable: true, detail, nextAction: fixChart }
  if (hasCode(error, 'SMOKE_TEST_FAILED'))
    return { reason: 'SMOKE_TEST_FAILED', retryable: true, detail, nextAction: fixShop }
  if (hasCode(error, 'CLUSTER_UNREACHABLE'))
    return { reason: 'CLUSTER_UNREACHABLE', retryable: true, detail, nextAction: reachCluster }
  if (hasCode(error, 'CLUSTER_REFUSED')) return refusedFor(detail)
  if (hasCode(error, 'RELEASE_CONFLICT'))
    return { reason: 'RELEASE_CONFLICT', retryable: false, detail, nextAction: findOwner }
  if (hasCode(error, 'RELEASE_STUCK'))
    return { reason: 'HELM_PENDING', retryable: true, detail, nextAction: unblock }
  return { reason: 'UNKNOWN', retryable: true, detail, nextAction: tryAgain }
}

// Rules about a namespace that was made just now may be behind it: never given up at once.
function refusedFor(detail: string): Failure {
  const known = refusals.find(({ said }) => said.test(detail))
  const { reason, nextAction } = known ?? { reason: 'ADMISSION_DENIED', nextAction: allowIt }
  return { reason, retryable: true, detail, nextAction }
}

/** This process was asked to end before the work was done. */
export const workerStopped: Failure = {
  reason: 'WORKER_STOPPED',
  retryable: true,
  detail: 'The provisioner was asked to end',
  nextAction: 'Nothing: another provisioner goes on at once',
}

/** A removal that somebody began does not come to its end. */
export function stillUninstalling(observed: ObservedRelease): Failure {
  const holding = 'detail' in observed && observed.detail !== '' ? `: ${observed.detail}` : ''
  return {
    reason: 'HELM_PENDING',
    retryable: true,
    detail: printable(
      `The release has been uninstalling for too long${holding}`,
      DETAIL_CHARACTERS_MAX,
    ),
    nextAction: unblock,
  }
}

const tryAgain = 'It is tried again automatically. Once it has failed for good, retry the store'
const fixChart = 'Fix the chart or its values, then retry the store'
const fixShop = "Read what the shop's pods log about that request, then retry the store"
const unblock = 'Find out what is blocking it, then retry the store'
const reachCluster = 'Find out why the API server does not answer; it is tried again automatically'
const allowIt = "Check the provisioner's rights and the cluster's policies, then retry the store"
const findOwner = 'Find out who made it and remove it, then retry the store'
const otherValues = 'Delete the store and request one with another name'

const stuck = { reason: 'UNKNOWN', retryable: true, nextAction: tryAgain } as const

function whatHappened({ code, signal, reason, stderr }: Ended): string {
  const how = reason ?? (code === null ? `ended by ${signal}` : `exited with ${code}`)
  return stderr.trim() === '' ? how : `${how}: ${printable(stderr, DETAIL_CHARACTERS_MAX)}`
}
