import { AppError } from '../app-error.ts'
import { claimStore, heldClaim } from './claim.ts'
import type { StoreCommand } from './commands.ts'
import type { StoreEvent } from './events.ts'
import { failAttempt } from './fail-attempt.ts'
import type { StoreState } from './state.ts'

/** Returns the events a command causes; an empty array means it has already happened. */
export function decide(state: StoreState, command: StoreCommand): StoreEvent[] {
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
      const { attempt } = heldClaim(state, command.claimId)
      if (state.status !== 'provisioning') throw claimLost(command.claimId)
      const { type: _, claimId: _claim, now: provisionedAt, ...result } = command
      return [{ type: 'StoreProvisioned', data: { attempt, ...result, provisionedAt } }]
    }
    case 'CompleteUninstall':
      return completeUninstall(state, command)
    case 'FailAttempt':
      return failAttempt(state, command)
    case 'RequestRetry':
      return requestRetry(state, command.now)
    case 'RequestCancel':
      return requestCancel(state, command.now)
    case 'RequestDeletion':
      if (state.status === 'deleting') return []
      known(state)
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
  throw new AppError(
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was used for another request; use a new key for a new store',
    { details: { storeId: command.storeId } },
  )
}

function completeUninstall(
  state: StoreState,
  command: Extract<StoreCommand, { type: 'CompleteUninstall' }>,
): StoreEvent[] {
  const { attempt, kind } = heldClaim(state, command.claimId)
  const { removed, now } = command
  if (kind !== 'uninstall') throw claimLost(command.claimId)
  if (state.status === 'deleting')
    return [{ type: 'StoreDeleted', data: { attempt, removed, deletedAt: now } }]
  return [{ type: 'StoreFailed', data: { attempt, ...cancelled, failedAt: now } }]
}

function requestRetry(state: StoreState, now: string): StoreEvent[] {
  if (state.status === 'requested' || state.status === 'provisioning') return []
  if (known(state).status !== 'failed') throw wrongState('retried', state)
  return [{ type: 'RetryRequested', data: { requestedAt: now } }]
}

function requestCancel(state: StoreState, now: string): StoreEvent[] {
  if (state.status === 'cancelling') return []
  if (state.status === 'failed' && state.failure.reason === 'CANCELLED') return []
  const { status, attempt } = known(state)
  if (status !== 'requested' && status !== 'provisioning') throw wrongState('cancelled', state)
  const requested: StoreEvent = { type: 'CancelRequested', data: { requestedAt: now } }
  if (attempt > 0) return [requested]
  return [requested, { type: 'StoreFailed', data: { attempt, ...cancelled, failedAt: now } }]
}

const cancelled = {
  reason: 'CANCELLED',
  retryable: false,
  detail: 'Cancelled on request; what had been made was removed',
  nextAction: 'Retry or delete the store',
} as const

function known(state: StoreState): Exclude<StoreState, { status: 'absent' | 'deleted' }> {
  if (state.status === 'absent') throw new AppError('STORE_NOT_FOUND', 'There is no such store')
  if (state.status === 'deleted') throw new AppError('STORE_DELETED', 'The store was deleted')
  return state
}

function wrongState(what: string, state: StoreState): AppError {
  return new AppError('STORE_IN_WRONG_STATE', `A store that is ${state.status} cannot be ${what}`, {
    details: { status: state.status },
  })
}

function claimLost(claimId: string): AppError {
  return new AppError('CLAIM_LOST', 'The store was taken over or asked for something else', {
    details: { claimId },
  })
}
