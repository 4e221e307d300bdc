import type { ClaimStore, FailAttempt } from './commands.ts'
import { claimHeld, claimLost, nothingToProvision, retryNotDue } from './errors.ts'
import type { Claim, StoreEvent, WorkKind } from './events.ts'
import { openClaim, pendingWork, type StoreState } from './state.ts'

/** Workers that may die over one store before its work is given up: a store that kills its workers is poison. */
export const takeOversMax = 10

/** Grants the claim, or gives the store up when it has killed too many workers. */
export function claimStore(state: StoreState, command: ClaimStore): StoreEvent[] {
  const kind = pendingWork(state)
  if (kind === undefined || !('failures' in state)) throw nothingToProvision(state.status)
  const held = openClaim(state)
  if (held?.claimId === command.claimId) return []
  if (held !== undefined && held.claimId !== command.takesOver) throw claimHeld(held)
  if (held === undefined && state.notBefore !== undefined && state.notBefore > command.now)
    throw retryNotDue(state.notBefore)
  if (kind !== 'uninstall' && state.takeOvers >= takeOversMax && command.givenUp !== true)
    return [workersLost(state, command, kind)]
  const { worker, claimId, valuesDigest, chartDigest, now: startedAt } = command
  const attempt = state.attempt + 1
  const takesOver = held === undefined ? {} : takeOverOf(held, command)
  const data = {
    attempt,
    worker,
    claimId,
    kind,
    valuesDigest,
    chartDigest,
    ...takesOver,
    startedAt,
  }
  return [{ type: 'ProvisioningStarted', data }]
}

function takeOverOf(held: Claim, { givenUp }: ClaimStore) {
  return { takesOver: held.claimId, ...(givenUp === true && { givenUp }) }
}

/** The claim with this id, if it is still the open one; else throws CLAIM_LOST. */
export function heldClaim(state: StoreState, claimId: string): Claim {
  const held = openClaim(state)
  if (held?.claimId === claimId) return held
  throw claimLost('Another worker holds the store, or its work has ended', claimId, held)
}

/** The kind of work that an outcome ends, where it is an upgrade. */
export const ofUpgrade = (kind: WorkKind): { kind?: 'upgrade' } =>
  kind === 'upgrade' ? { kind } : {}

function workersLost(
  { attempt }: { attempt: number },
  { now: failedAt }: ClaimStore,
  kind: WorkKind,
): StoreEvent {
  return {
    type: 'StoreFailed',
    data: {
      attempt,
      ...ofUpgrade(kind),
      reason: 'WORKER_LOST',
      retryable: true,
      detail: `${takeOversMax + 1} workers in a row died while they worked on this store`,
      nextAction: "Check the provisioners' logs for this store, then retry it",
      failedAt,
    },
  }
}

/**
 * Ends an attempt: another one follows while the failure is retryable, else the store has failed. A removal is never
 * given up. An attempt that the store no longer needs has no failure to report: CLAIM_LOST.
 */
export function failAttempt(state: StoreState, command: FailAttempt): StoreEvent[] {
  const { attempt, kind } = heldClaim(state, command.claimId)
  if (kind !== 'uninstall' && !isToBeReady(state))
    throw claimLost('The owner of the store requested something else', command.claimId)
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
  return retryDelaysMs[failures] ?? removalDelayMs(failures, retryDelaysMs)
}

const REMOVAL_DELAY_MAX_MS = 6 * 60 * 60_000

/** Twice as long each time once the delays are used up: a removal is never given up, and must not fill its stream. */
function removalDelayMs(failures: number, retryDelaysMs: readonly number[]): number {
  const doublings = Math.min(failures - retryDelaysMs.length + 1, 30)
  return Math.min((retryDelaysMs.at(-1) ?? 0) * 2 ** doublings, REMOVAL_DELAY_MAX_MS)
}

const isToBeReady = ({ status }: StoreState): boolean =>
  status === 'provisioning' || status === 'upgrading'
