import type {
  ChangeRequested,
  Claim,
  Labels,
  ProvisioningAttemptFailed,
  ProvisioningStarted,
  StoreChanges,
  StoreEvent,
  StoreFailed,
  UpgradeRequested,
} from './events.ts'
import {
  wantedRequest,
  nothingTriedYet,
  type Known,
  type StoreSpec,
  type StoreState,
  type Waiting,
} from './state.ts'

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
      return {
        ...known,
        request: wantedRequest(state),
        status: 'ready',
        provisioned: event.data,
      }
    case 'StoreFailed':
      return failed(state, event.data)
    case 'UpgradeRequested':
      return upgrading(state, event.data)
    case 'ChangeRequested':
      return { ...state, request: changed(state.request, event.data) }
    case 'RetryRequested':
      if (state.status === 'upgrade-failed') return upgrading(state, state.upgrade)
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

/** What is wanted after a change. */
export function changed(request: StoreSpec, { generation, changes }: ChangeRequested): StoreSpec {
  const { name = request.name, labels, reference } = changes
  const { labels: before, reference: had, ...rest } = request
  const merged = labels === null ? {} : mergedLabels(before, labels)
  const has = reference === undefined ? had : reference
  return {
    ...rest,
    name,
    ...(Object.keys(merged).length > 0 && { labels: merged }),
    ...(typeof has === 'string' && { reference: has }),
    generation,
  }
}

function mergedLabels(before: Labels = {}, changes: StoreChanges['labels'] = {}): Labels {
  const entries = Object.entries({ ...before, ...changes })
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  )
}

type Existing = Exclude<StoreState, { status: 'absent' }>

// A store that was never ready has nothing to upgrade: `decide` lets no such event happen.
function upgrading(state: Existing, upgrade: UpgradeRequested): StoreState {
  if (!('provisioned' in state)) return state
  const { request, attempt, provisioned } = state
  return { request, attempt, status: 'upgrading', ...nothingTriedYet, provisioned, upgrade }
}

function failed(state: Existing, data: StoreFailed): StoreState {
  const { attempt: _, kind: _kind, failedAt, ...failure } = data
  const { request, attempt } = state
  if (state.status !== 'upgrading') return { request, attempt, status: 'failed', failure, failedAt }
  const { provisioned, upgrade } = state
  return { request, attempt, status: 'upgrade-failed', provisioned, upgrade, failure, failedAt }
}

function started(state: Existing, data: ProvisioningStarted): StoreState {
  const { attempt, worker, claimId, kind } = data
  const claim: Claim = { attempt, worker, claimId, kind }
  const takenOver = data.takesOver === undefined || data.givenUp === true ? 0 : 1
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
  if (state.status === 'upgrading') return { ...serving(state), ...next, status: state.status }
  return { ...next, status: 'provisioning' }
}

function attemptFailed(state: Existing, data: ProvisioningAttemptFailed): StoreState {
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
  if (state.status === 'upgrading') return { ...serving(state), ...next, status: state.status }
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

function serving({ provisioned, upgrade }: Extract<StoreState, { status: 'upgrading' }>) {
  return { provisioned, upgrade }
}

function openClaim(state: StoreState): { claim?: Claim } {
  return 'claim' in state && state.claim !== undefined ? { claim: state.claim } : {}
}
