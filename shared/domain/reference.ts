import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'

/** The stored events of one reference of one tenant: which store may carry it. */
export type ReferenceEvent =
  | { type: 'ReferenceReserved'; data: ReferenceReserved }
  | { type: 'ReferenceReleased'; data: ReferenceReleased }

interface ReferenceReserved extends Hold {
  reference: string
  /** The request it is reserved for: several requests for one store may share a hold. */
  requestId: string
}

export const referenceReleaseReasons = ['refused', 'deleted', 'unused', 'abandoned'] as const

interface ReferenceReleased {
  storeId: string
  /** The request that gave it back; absent where the whole hold has ended. */
  requestId?: string
  /** The request was refused; the store was deleted, went on without the reference, or was never stored. */
  reason: (typeof referenceReleaseReasons)[number]
  releasedAt: string
}

/** The right of one store to take the reference, by an append that expects exactly this revision of its stream. */
export interface Hold {
  storeId: string
  /** Of the store's stream, and -1 before it exists: once the stream has gone on, the hold is worth nothing any more. */
  revision: number
  reservedAt: string
}

export type ReferenceCommand =
  | ({ type: 'ReserveReference'; now: string; ended?: EndedHold | undefined } & Omit<
      ReferenceReserved,
      'reservedAt'
    >)
  | { type: 'ReleaseReference'; storeId: string; requestId: string; now: string }

/** Another store's hold that has ended, and how that is known. */
export type EndedHold = Hold & Pick<ReferenceReleased, 'reason'>

export type ReferenceState =
  { status: 'free' } | ({ status: 'reserved'; requests: string[] } & Hold)

export const reference: Decider<ReferenceState, ReferenceCommand, ReferenceEvent> = {
  initialState: () => ({ status: 'free' }),
  decide,
  evolve,
}

/** The stream of a tenant's reference; the digest stands for its text, which may have any characters. */
export const referenceStream = (tenantId: string, digest: string): string =>
  `reference-${tenantId}-${digest}`

/** Why a reference is refused; `pending`: its store is not stored yet, and may never be. */
export function referenceTaken(storeId: string, pending: boolean): AppError {
  const message = pending
    ? 'Another request with this reference is under way, or was cut off: repeat that one, or try again in ten minutes'
    : `The store ${storeId} has this reference`
  return new AppError('REFERENCE_TAKEN', message, { retryable: pending, details: { storeId } })
}

function decide(state: ReferenceState, command: ReferenceCommand): ReferenceEvent[] {
  if (command.type === 'ReleaseReference') {
    const { storeId, requestId, now: releasedAt } = command
    if (state.status === 'free' || state.storeId !== storeId) return []
    if (!state.requests.includes(requestId)) return []
    return [
      { type: 'ReferenceReleased', data: { storeId, requestId, reason: 'refused', releasedAt } },
    ]
  }
  const { type: _, now, ended, ...data } = command
  const reserved: ReferenceEvent = { type: 'ReferenceReserved', data: { ...data, reservedAt: now } }
  if (state.status === 'free') return [reserved]
  if (state.storeId === data.storeId) return isHeldFor(state, data) ? [] : [reserved]
  if (ended === undefined || !isSame(state, ended)) throw referenceTaken(state.storeId, false)
  const { storeId, reason } = ended
  return [{ type: 'ReferenceReleased', data: { storeId, reason, releasedAt: now } }, reserved]
}

type Reserved = Extract<ReferenceState, { status: 'reserved' }>

// A hold at a later revision is left: the store has gone on, so this request has to read it again anyway.
const isHeldFor = (
  { revision, requests }: Reserved,
  asked: { revision: number; requestId: string },
): boolean =>
  revision > asked.revision || (revision === asked.revision && requests.includes(asked.requestId))

const isSame = (one: Hold, other: Hold): boolean =>
  one.storeId === other.storeId &&
  one.revision === other.revision &&
  one.reservedAt === other.reservedAt

function evolve(state: ReferenceState, event: ReferenceEvent): ReferenceState {
  if (event.type === 'ReferenceReserved') {
    const { storeId, revision, reservedAt, requestId } = event.data
    const shares =
      state.status === 'reserved' && state.storeId === storeId && state.revision === revision
    const requests = shares ? [...state.requests, requestId] : [requestId]
    return { status: 'reserved', storeId, revision, reservedAt, requests }
  }
  if (state.status === 'free' || state.storeId !== event.data.storeId) return state
  const { requestId } = event.data
  const requests = requestId === undefined ? [] : state.requests.filter((id) => id !== requestId)
  return requests.length === 0 ? { status: 'free' } : { ...state, requests }
}
