import { heldClaim, ofUpgrade } from './claim.ts'
import type { FailAttempt } from '../commands.ts'
import type { StoreEvent } from '../events.ts'
import { claimLost } from '../refusals.ts'
import type { StoreState } from '../state.ts'

/**
 * Ends an attempt: another one later while the failure may pass, else the store has failed. Removal is never given up.
 * An attempt the store no longer asks for has no failure to tell: CLAIM_LOST.
 */
export function failAttempt(state: StoreState, command: FailAttempt): StoreEvent[] {
  const { attempt, kind } = heldClaim(state, command.claimId)
  if (kind !== 'uninstall' && !isToBeReady(state))
    throw claimLost('The store was asked for something else', command.claimId)
  const { failure, now } = command
  const delayMs = nextDelayMs(state, command)
  if (delayMs === undefined)
    return [
      { type: 'StoreFailed', data: { attempt, ...ofUpgrade(kind), ...failure, failedAt: now } },
    ]
  const retryAt = new Date(Date.parse(now) + delayMs).toISOString()
  return [
    { type: 'ProvisioningAttemptFailed', data: { attempt, ...failure, retryAt, failedAt: now } },
  ]
}

function nextDelayMs(state: StoreState, command: FailAttempt): number | undefined {
  const { failure, retryDelaysMs } = command
  if (failure.reason === 'WORKER_STOPPED') return 0
  const failures = 'failures' in state ? state.failures : 0
  if (isToBeReady(state)) return failure.retryable ? retryDelaysMs[failures] : undefined
  return retryDelaysMs[Math.min(failures, retryDelaysMs.length - 1)] ?? 0
}

const isToBeReady = ({ status }: StoreState): boolean =>
  status === 'provisioning' || status === 'upgrading'
