import { AppError, type ErrorCode, type Failure } from '#domain'
import { refusals } from '../diagnosis/rules/helm.ts'
import {
  findOwner,
  fixChart,
  freeSpace,
  reachCluster,
  tryAgain,
  unblock,
} from '../diagnosis/rules/rule.ts'
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
    case 'DISK_FULL':
      return { ...diskFull, detail }
    case 'OUTPUT_FAILED':
      return { reason: 'UNKNOWN', retryable: true, detail, nextAction: tryAgain }
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

/** Why an attempt ended with an error of our own. Whether it may pass is said by the error. */
export function classifyError(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  const detail = printable(message, DETAIL_CHARACTERS_MAX)
  if (isDiskFull(error)) return { ...diskFull, detail }
  if (!(error instanceof AppError))
    return { reason: 'UNKNOWN', retryable: true, detail, nextAction: tryAgain }
  const { code, retryable } = error
  const known = code === 'CLUSTER_REFUSED' ? refusalIn(detail) : byCode[code]
  const { reason, nextAction } = known ?? { reason: 'UNKNOWN', nextAction: tryAgain }
  return { reason, retryable, detail, nextAction }
}

function refusalIn(detail: string): Pick<Failure, 'reason' | 'nextAction'> {
  const known = refusals.find(({ said }) => said.test(detail))
  return known ?? { reason: 'ADMISSION_DENIED', nextAction: allowIt }
}

/** Also where another error was made of it. */
function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const full = 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
  return full || isDiskFull(error.cause)
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

const fixShop = "Read what the shop's pods log about that request, then retry the store"
const fixRoute =
  "Correct the route in the installation's values, or the Gateway or controller that detail names; then retry the store"
const allowIt = "Check the provisioner's rights and the cluster's policies, then retry the store"
const otherValues = 'Delete the store and request one with another name'

const byCode: Partial<Record<ErrorCode, Pick<Failure, 'reason' | 'nextAction'>>> = {
  VALUES_INVALID: { reason: 'VALUES_INVALID', nextAction: otherValues },
  CHART_INVALID: { reason: 'CHART_INVALID', nextAction: fixChart },
  ROUTE_NOT_ACCEPTED: { reason: 'ROUTE_NOT_ACCEPTED', nextAction: fixRoute },
  SMOKE_TEST_FAILED: { reason: 'SMOKE_TEST_FAILED', nextAction: fixShop },
  CLUSTER_UNREACHABLE: { reason: 'CLUSTER_UNREACHABLE', nextAction: reachCluster },
  RELEASE_CONFLICT: { reason: 'RELEASE_CONFLICT', nextAction: findOwner },
  RELEASE_STUCK: { reason: 'HELM_PENDING', nextAction: unblock },
}

const diskFull = { reason: 'DISK_FULL', retryable: true, nextAction: freeSpace } as const
const stuck = { reason: 'UNKNOWN', retryable: true, nextAction: tryAgain } as const

function whatHappened({ code, signal, reason, stderr }: Ended): string {
  const how = reason ?? (code === null ? `ended by ${signal}` : `exited with ${code}`)
  return stderr.trim() === '' ? how : `${how}: ${printable(stderr, DETAIL_CHARACTERS_MAX)}`
}
