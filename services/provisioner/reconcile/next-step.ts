import type { Failure, WorkKind } from '#domain'
import type { ObservedRelease } from './driver.ts'

/** The digests a release must carry to be what was asked for. */
export interface Wanted {
  kind: WorkKind
  values: string
  chart: string
}

export type Step = 'install' | 'upgrade' | 'unlock' | 'uninstall' | 'wait'

export type Next = { step: Step } | { done: 'deployed' | 'removed' } | { failure: Failure }

/** The one step the observed release asks for, or that the work is done or cannot be. */
export function nextStep(wanted: Wanted, observed: ObservedRelease): Next {
  if (wanted.kind === 'uninstall') return toRemoved(observed)
  switch (observed.status) {
    case 'unmanaged':
      return { failure: conflict(observed.detail) }
    case 'uninstalling':
      return { step: 'wait' }
    case 'absent':
      return wanted.kind === 'upgrade' ? { failure: missing } : { step: 'install' }
    case 'prepared':
      return { step: 'install' }
    case 'failed':
      return { step: 'upgrade' }
    case 'pending':
      return { step: 'unlock' }
    case 'deployed': {
      const { values, chart } = observed.labels
      if (values === wanted.values && chart === wanted.chart) return { done: 'deployed' }
      return { step: 'upgrade' }
    }
  }
}

// What somebody else made under the name is theirs: of this store nothing is left.
function toRemoved(observed: ObservedRelease): Next {
  const { status } = observed
  // A removal of the release alone may have been cut off; one of the namespace goes on by itself.
  if (status === 'uninstalling' && observed.by === 'namespace') return { step: 'wait' }
  return status === 'absent' || status === 'unmanaged' ? { done: 'removed' } : { step: 'uninstall' }
}

// A new one would be empty, and pass for the one that sold.
const missing: Failure = {
  reason: 'RELEASE_MISSING',
  retryable: false,
  detail: 'There is no release to upgrade, and what held its data is gone as well',
  nextAction: 'Restore it by hand and retry the store, or delete the store and request a new one',
}

function conflict(detail: string): Failure {
  return {
    reason: 'RELEASE_CONFLICT',
    retryable: false,
    detail,
    nextAction: 'Find out who made it and remove it, then retry the store',
  }
}
