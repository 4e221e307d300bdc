import type { Failure } from '#domain'
import * as act from './actions.ts'

/** A class of answers in which the API server refuses an object, known by the text that is only in them. */
export interface Refusal extends Omit<Failure, 'detail'> {
  said: RegExp
}

/** The most specific first. They stand in what helm says and in what controllers report of their pods. */
export const refusals: readonly Refusal[] = [
  {
    // Webhooks that are down often come back; those that answer mean it.
    said: /failed calling webhook/,
    reason: 'ADMISSION_DENIED',
    retryable: true,
    nextAction: act.mendWebhook,
  },
  {
    said: /violates PodSecurity|admission webhook "[^"]*" denied|ValidatingAdmissionPolicy '[^']*'.*denied|denied request/,
    reason: 'ADMISSION_DENIED',
    retryable: false,
    nextAction: act.fitPolicy,
  },
  {
    // Something that is on its way out may hold the quota.
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
    nextAction: act.holdUp,
  },
]
