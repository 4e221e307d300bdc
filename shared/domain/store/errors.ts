import { AppError } from '../app-error.ts'
import { type Claim, labelsMax, type Plan, plans } from './events.ts'

// Why a store refuses a command.

export const notFound = (): AppError => new AppError('STORE_NOT_FOUND', 'There is no such store')

export const deleted = (): AppError => new AppError('STORE_DELETED', 'The store was deleted')

/** `what` is the participle of the command, such as `retried`. */
export function wrongState(what: string, status: string): AppError {
  return new AppError('STORE_IN_WRONG_STATE', `A store that is ${status} cannot be ${what}`, {
    details: { status },
  })
}

export function keyReused(storeId: string): AppError {
  return new AppError(
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was used for another request; use a new key for a new store',
    { details: { storeId } },
  )
}

export function planTooSmall(requested: Plan, least: Plan): AppError {
  const larger = plans.slice(plans.indexOf(least) + 1)
  return new AppError(
    'PLAN_TOO_SMALL',
    `A store of plan ${least} cannot change to ${requested}: its volumes cannot shrink. Larger plans: ${larger.join(', ') || 'none'}`,
    { details: { plan: least, larger } },
  )
}

export const nothingToProvision = (status: string): AppError =>
  new AppError('NOTHING_TO_PROVISION', `A store that is ${status} needs no work`)

export function retryNotDue(notBefore: string): AppError {
  return new AppError('RETRY_NOT_DUE', `The next attempt is due at ${notBefore}`, {
    details: { notBefore },
  })
}

export function claimHeld(held: Claim): AppError {
  return new AppError('CLAIM_HELD', `Attempt ${held.attempt} by ${held.worker} is in progress`, {
    details: { claimId: held.claimId, worker: held.worker },
  })
}

/** The claim does not, or no longer, allow what it was used for. */
export function claimLost(message: string, claimId: string, held?: Claim): AppError {
  return new AppError('CLAIM_LOST', message, {
    details: { claimId, ...(held === undefined ? {} : { heldBy: held.claimId }) },
  })
}

export const tooManyLabels = (): AppError =>
  new AppError(
    'REQUEST_INVALID',
    `A store has at most ${labelsMax} labels; take some away with null`,
  )
