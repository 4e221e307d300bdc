import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'
import type { Engine, Plan } from './store/events.ts'
import type { StoreStatus } from './store/state.ts'

/** What an operation does with each of its stores: the ordinary command of that name. */
export const operationActions = ['retry', 'cancel', 'delete', 'upgrade', 'label'] as const
export type OperationAction = (typeof operationActions)[number]

/** Stores of one operation at most: their ids are one append, which is stored whole or not at all. */
export const operationStoresMax = 20_000

/** Ids in one event. */
const PAGE_MAX = 1_000

/** The stores that an operation is for: the filters of a list of stores. */
export interface OperationFilter {
  status?: StoreStatus | undefined
  engine?: Engine | undefined
  plan?: Plan | undefined
  reference?: string | undefined
  label?: Record<string, string> | undefined
  q?: string | undefined
  createdAfter?: string | undefined
  createdBefore?: string | undefined
  updatedAfter?: string | undefined
}

export interface OperationRequested {
  operationId: string
  tenantId: string
  action: OperationAction
  /** Of an upgrade: the plan that is wanted; absent where each store keeps its own. */
  plan?: Plan | undefined
  /** Of `label`: what is added, and with null taken away. */
  labels?: Record<string, string | null> | undefined
  filter: OperationFilter
  /** Position in the log of the read models that the stores were selected by. */
  position: string
  /** How many were selected. */
  stores: number
  fingerprint: string
  requestedAt: string
}

export const operationOutcomes = ['done', 'skipped', 'refused'] as const

/** What came of one store: the command caused something, had already happened, or was refused. */
export interface OperationResult {
  storeId: string
  outcome: (typeof operationOutcomes)[number]
  /** Why it was refused. */
  code?: string
}

type OperationCounts = Record<OperationResult['outcome'], number>

/** The stored events of one operation over many stores. */
export type OperationEvent =
  | { type: 'OperationRequested'; data: OperationRequested }
  | { type: 'StoresSelected'; data: { storeIds: string[] } }
  /** Results of the stores from this place of the selection on. */
  | { type: 'BatchDone'; data: { from: number; results: OperationResult[]; doneAt: string } }
  | { type: 'OperationCancelled'; data: { cancelledAt: string } }
  | { type: 'OperationEnded'; data: OperationEnded }

interface OperationEnded {
  outcome: 'completed' | 'cancelled'
  counts: OperationCounts
  endedAt: string
}

export type OperationCommand =
  | ({ type: 'RequestOperation'; storeIds: string[]; now: string } & Omit<
      OperationRequested,
      'stores' | 'requestedAt'
    >)
  /** Results of the stores from this place on; without any, an operation that is to be cancelled ends. */
  | { type: 'RecordBatch'; from: number; results: OperationResult[]; now: string }
  | { type: 'CancelOperation'; now: string }

export const operationStatuses = ['running', 'cancelling', 'cancelled', 'completed'] as const

/** What is known of an operation. The ids of its stores stay in the stream: only the worker needs them. */
export type OperationState = { status: 'absent' } | ExistingOperation

export interface ExistingOperation {
  status: (typeof operationStatuses)[number]
  request: OperationRequested
  counts: OperationCounts
  /** How many were refused, by code. */
  refusals: Record<string, number>
  endedAt?: string
}

export const operation: Decider<OperationState, OperationCommand, OperationEvent> = {
  initialState: () => ({ status: 'absent' }),
  decide,
  evolve,
}

export const operationStreamPrefix = 'operation-'

/** The stream of an operation. */
export const operationStream = (id: string): string => operationStreamPrefix + id

const streamForm = /^operation-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Which operation a stream belongs to; undefined when its name does not hold a canonical UUID. */
export const operationIdOfStream = (stream: string): string | undefined =>
  streamForm.exec(stream)?.[1]

/** Stores whose result is recorded: the place of the next one. */
export const placeOf = ({ counts }: ExistingOperation): number =>
  counts.done + counts.skipped + counts.refused

export const isEnded = ({ status }: ExistingOperation): boolean =>
  status === 'cancelled' || status === 'completed'

export const operationNotFound = (): AppError =>
  new AppError('OPERATION_NOT_FOUND', 'There is no such operation')

function decide(state: OperationState, command: OperationCommand): OperationEvent[] {
  if (command.type === 'RequestOperation') return requestOperation(state, command)
  if (state.status === 'absent') throw operationNotFound()
  if (command.type === 'RecordBatch') return recordBatch(state, command)
  if (state.status === 'completed')
    throw new AppError('OPERATION_ENDED', 'The operation has ended: every store has its result')
  if (state.status !== 'running') return []
  return [{ type: 'OperationCancelled', data: { cancelledAt: command.now } }]
}

function requestOperation(
  state: OperationState,
  command: Extract<OperationCommand, { type: 'RequestOperation' }>,
): OperationEvent[] {
  const { type: _, storeIds, now, ...asked } = command
  if (state.status !== 'absent') {
    if (state.request.fingerprint === command.fingerprint) return []
    throw new AppError(
      'IDEMPOTENCY_KEY_REUSED',
      'This Idempotency-Key was used for another operation; use a new key',
    )
  }
  const data = { ...asked, stores: storeIds.length, requestedAt: now }
  const events: OperationEvent[] = [{ type: 'OperationRequested', data }]
  for (let from = 0; from < storeIds.length; from += PAGE_MAX) {
    const page = storeIds.slice(from, from + PAGE_MAX)
    events.push({ type: 'StoresSelected', data: { storeIds: page } })
  }
  if (storeIds.length === 0) events.push(ended('completed', nothingDone, now))
  return events
}

/** A batch that is recorded already changes nothing, whichever worker did it. Throws CONCURRENT_MODIFICATION. */
function recordBatch(
  state: ExistingOperation,
  { from, results, now }: Extract<OperationCommand, { type: 'RecordBatch' }>,
): OperationEvent[] {
  const place = placeOf(state)
  if (isEnded(state) || from < place) return []
  if (from > place)
    throw new AppError('CONCURRENT_MODIFICATION', `The next store is ${place}, not ${from}`)
  const events: OperationEvent[] =
    results.length === 0 ? [] : [{ type: 'BatchDone', data: { from, results, doneAt: now } }]
  const after = events.reduce(evolve, state)
  if (after.status === 'absent') return events
  if (placeOf(after) >= after.request.stores) events.push(ended('completed', after.counts, now))
  else if (after.status === 'cancelling') events.push(ended('cancelled', after.counts, now))
  return events
}

const nothingDone: OperationCounts = { done: 0, skipped: 0, refused: 0 }

const ended = (
  outcome: OperationEnded['outcome'],
  counts: OperationCounts,
  endedAt: string,
): OperationEvent => ({ type: 'OperationEnded', data: { outcome, counts, endedAt } })

function evolve(state: OperationState, event: OperationEvent): OperationState {
  if (event.type === 'OperationRequested')
    return { status: 'running', request: event.data, counts: nothingDone, refusals: {} }
  if (state.status === 'absent') return state
  switch (event.type) {
    case 'StoresSelected':
      return state
    case 'BatchDone':
      return counted(state, event.data.results)
    case 'OperationCancelled':
      return { ...state, status: 'cancelling' }
    case 'OperationEnded':
      return { ...state, status: event.data.outcome, endedAt: event.data.endedAt }
  }
}

function counted(state: ExistingOperation, results: OperationResult[]): ExistingOperation {
  const counts = { ...state.counts }
  const refusals = { ...state.refusals }
  for (const { outcome, code } of results) {
    counts[outcome]++
    if (outcome === 'refused' && code !== undefined) refusals[code] = (refusals[code] ?? 0) + 1
  }
  return { ...state, counts, refusals }
}
