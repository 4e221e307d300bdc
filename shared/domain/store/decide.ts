import type { Decider } from '../decider.ts'
import { claimStore, failAttempt, heldClaim, ofUpgrade } from './claim.ts'
import type { RequestChange, RequestUpgrade, StoreCommand } from './commands.ts'
import {
  claimLost,
  deleted,
  keyReused,
  notFound,
  planTooSmall,
  tooManyLabels,
  wrongState,
} from './errors.ts'
import { labelsMax, plans, type StoreEvent } from './events.ts'
import { changed, evolve } from './evolve.ts'
import type { StoreSpec, StoreState } from './state.ts'

export const store: Decider<StoreState, StoreCommand, StoreEvent> = {
  initialState: () => ({ status: 'absent' }),
  decide,
  evolve,
}

/** Returns the events a command causes; an empty array means it has already happened. */
function decide(state: StoreState, command: StoreCommand): StoreEvent[] {
  switch (command.type) {
    case 'RequestStore':
      return requestStore(state, command)
    case 'ClaimStore':
      return claimStore(state, command)
    case 'RecordStep': {
      const { attempt } = heldClaim(state, command.claimId)
      const { step, detail, now: recordedAt } = command
      return [{ type: 'ProvisioningStepRecorded', data: { attempt, step, detail, recordedAt } }]
    }
    case 'CompleteProvisioning': {
      const { attempt, kind } = heldClaim(state, command.claimId)
      if (state.status !== 'provisioning' && state.status !== 'upgrading')
        throw claimLost(overtaken, command.claimId)
      const { type: _, claimId: _claim, now: provisionedAt, ...result } = command
      const data = { attempt, ...ofUpgrade(kind), ...result, provisionedAt }
      return [{ type: 'StoreProvisioned', data }]
    }
    case 'CompleteUninstall':
      return completeUninstall(state, command)
    case 'FailAttempt':
      return failAttempt(state, command)
    case 'RequestRetry':
      return requestRetry(state, command.now)
    case 'RequestUpgrade':
      return requestUpgrade(state, command)
    case 'RequestChange':
      return requestChange(state, command)
    case 'RequestCancel':
      return requestCancel(state, command.now)
    case 'RequestDeletion':
      if (state.status === 'deleting') return []
      existing(state)
      return [{ type: 'DeletionRequested', data: { requestedAt: command.now } }]
  }
}

function requestStore(
  state: StoreState,
  command: Extract<StoreCommand, { type: 'RequestStore' }>,
): StoreEvent[] {
  const { type: _, now: requestedAt, ...request } = command
  if (state.status === 'absent')
    return [{ type: 'StoreRequested', data: { ...request, requestedAt } }]
  if (state.request.fingerprint === command.fingerprint) return []
  throw keyReused(command.storeId)
}

function completeUninstall(
  state: StoreState,
  command: Extract<StoreCommand, { type: 'CompleteUninstall' }>,
): StoreEvent[] {
  const { attempt, kind } = heldClaim(state, command.claimId)
  const { removed, now } = command
  if (kind !== 'uninstall') throw claimLost(overtaken, command.claimId)
  if (state.status === 'deleting')
    return [{ type: 'StoreDeleted', data: { attempt, removed, deletedAt: now } }]
  return [{ type: 'StoreFailed', data: { attempt, ...cancelled, failedAt: now } }]
}

function requestRetry(state: StoreState, now: string): StoreEvent[] {
  const { status } = existing(state)
  if (status === 'requested' || status === 'provisioning' || status === 'upgrading') return []
  if (status !== 'failed' && status !== 'upgrade-failed') throw wrongState('retried', status)
  return [{ type: 'RetryRequested', data: { requestedAt: now } }]
}

function requestCancel(state: StoreState, now: string): StoreEvent[] {
  if (state.status === 'cancelling') return []
  if (state.status === 'failed' && state.failure.reason === 'CANCELLED') return []
  const { status, attempt } = existing(state)
  if (status !== 'requested' && status !== 'provisioning') throw wrongState('cancelled', status)
  const requested: StoreEvent = { type: 'CancelRequested', data: { requestedAt: now } }
  if (attempt > 0) return [requested]
  return [requested, { type: 'StoreFailed', data: { attempt, ...cancelled, failedAt: now } }]
}

const overtaken = 'Another worker took the store over, or its owner requested something else'

const cancelled = {
  reason: 'CANCELLED',
  retryable: false,
  detail: 'Cancelled on request; everything created so far was removed',
  nextAction: 'Retry or delete the store',
} as const

/** The store a command is for. Throws STORE_NOT_FOUND, STORE_DELETED. */
function existing(state: StoreState): Exclude<StoreState, { status: 'absent' | 'deleted' }> {
  if (state.status === 'absent') throw notFound()
  if (state.status === 'deleted') throw deleted()
  return state
}

/**
 * Requests the upgrade of a store that is ready or whose upgrade failed. Without a plan the failed upgrade is repeated;
 * its volumes cannot shrink below the store's own plan. Throws STORE_IN_WRONG_STATE, PLAN_TOO_SMALL.
 */
function requestUpgrade(state: StoreState, command: RequestUpgrade): StoreEvent[] {
  const { status } = existing(state)
  if (state.status !== 'ready' && state.status !== 'upgrade-failed')
    throw wrongState('upgraded', status)
  const { plan: least } = state.request
  const present = state.status === 'ready' ? least : state.upgrade.plan
  const { plan = present, fingerprint, now: requestedAt } = command
  if (plans.indexOf(plan) < plans.indexOf(least)) throw planTooSmall(plan, least)
  return [{ type: 'UpgradeRequested', data: { plan, fingerprint, requestedAt } }]
}

/** Changes a store in any state but on its way out; a change of nothing has happened. Throws STORE_IN_WRONG_STATE, REQUEST_INVALID. */
function requestChange(state: StoreState, command: RequestChange): StoreEvent[] {
  const { status, request } = existing(state)
  if (status === 'deleting') throw wrongState('changed', status)
  const { fingerprint, now: requestedAt } = command
  const generation = (request.generation ?? 1) + 1
  const data = { generation, changes: command.changes, fingerprint, requestedAt }
  const after = changed(request, data)
  if (Object.keys(after.labels ?? {}).length > labelsMax) throw tooManyLabels()
  return isSame(request, after) ? [] : [{ type: 'ChangeRequested', data }]
}

function isSame(one: StoreSpec, other: StoreSpec): boolean {
  const { labels: before = {} } = one
  const { labels: after = {} } = other
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const sameLabels = keys.every((key) => before[key] === after[key])
  return sameLabels && one.name === other.name && one.reference === other.reference
}
