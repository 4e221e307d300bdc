import type { Claim, ProvisioningAttemptFailed, ProvisioningStarted, StoreEvent } from './events.ts'
import { nothingTriedYet, type Known, type StoreState, type Waiting } from './state.ts'

/** The store after an event. Never throws: an event that does not fit leaves the state as it was. */
export function evolve(state: StoreState, event: StoreEvent): StoreState {
  if (event.type === 'StoreRequested')
    return { status: 'requested', request: event.data, attempt: 0, ...nothingTriedYet }
  if (state.status === 'absent') return state
  const known: Known = { request: state.request, attempt: state.attempt }
  switch (event.type) {
    case 'ProvisioningStarted':
      return started(state, event.data)
    case 'ProvisioningStepRecorded':
      return state
    case 'ProvisioningAttemptFailed':
      return attemptFailed(state, event.data)
    case 'StoreProvisioned':
      return { ...known, status: 'ready', provisioned: event.data }
    case 'StoreFailed': {
      const { attempt: _, failedAt, ...failure } = event.data
      return { ...known, status: 'failed', failure, failedAt }
    }
    case 'RetryRequested':
      return { ...known, status: 'requested', ...nothingTriedYet }
    case 'CancelRequested':
      return { ...known, status: 'cancelling', ...nothingTriedYet, ...openClaim(state) }
    case 'DeletionRequested':
      return { ...known, status: 'deleting', ...nothingTriedYet, ...openClaim(state) }
    case 'StoreDeleted': {
      const { removed, deletedAt } = event.data
      return { ...known, status: 'deleted', removed, deletedAt }
    }
  }
}

function started(
  state: Exclude<StoreState, { status: 'absent' }>,
  data: ProvisioningStarted,
): StoreState {
  const { attempt, worker, claimId, kind } = data
  const claim: Claim = { attempt, worker, claimId, kind }
  const takenOver = data.takesOver === undefined ? 0 : 1
  const { notBefore: _, ...waiting } = waitingOf(state)
  const next = {
    request: state.request,
    attempt,
    ...waiting,
    takeOvers: waiting.takeOvers + takenOver,
    claim,
  }
  if (state.status === 'cancelling' || state.status === 'deleting')
    return { ...next, status: state.status }
  return { ...next, status: 'provisioning' }
}

function attemptFailed(
  state: Exclude<StoreState, { status: 'absent' }>,
  data: ProvisioningAttemptFailed,
): StoreState {
  const { reason, retryable, detail, nextAction, retryAt } = data
  const { failures } = waitingOf(state)
  const next = {
    request: state.request,
    attempt: state.attempt,
    failures: reason === 'WORKER_STOPPED' ? failures : failures + 1,
    takeOvers: 0,
    notBefore: retryAt,
    lastFailure: { reason, retryable, detail, nextAction },
  }
  if (state.status === 'cancelling' || state.status === 'deleting')
    return { ...next, status: state.status }
  return { ...next, status: 'requested' }
}

function waitingOf(state: StoreState): Waiting {
  if (!('failures' in state)) return nothingTriedYet
  const { failures, takeOvers, notBefore, lastFailure } = state
  return {
    failures,
    takeOvers,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
  }
}

function openClaim(state: StoreState): { claim?: Claim } {
  return 'claim' in state && state.claim !== undefined ? { claim: state.claim } : {}
}
