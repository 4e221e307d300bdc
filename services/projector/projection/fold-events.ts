import {
  decodeMetadata,
  decodeOperationEvent,
  decodeTenantEvent,
  type OperationCause,
  operationViewOf,
} from '#contracts'
import {
  isSettingEvent,
  nothingSet,
  operation as operationDecider,
  operationIdOfStream,
  operationStreamPrefix,
  type OperationState,
  settingsAfter,
  settingsTypePrefix,
  tenantIdOfStream,
  type TenantSettings,
} from '#domain'
import type { RecordedEvent } from '#eventstore'
import { projectEvent, type StoreProjection } from './store-projection.ts'

/** What the read models hold of a stream before a fold. */
export interface KnownStream {
  projection?: StoreProjection
  /** An event of the stream is parked, so all later ones are parked too, in order. */
  parked: boolean
}

export interface ParkedEvent {
  event: RecordedEvent
  reason: string
}

/** What one event did to its store. */
interface StoreStep {
  event: RecordedEvent
  before: StoreProjection | undefined
  after: StoreProjection
}

/** What one event did to what is set for its tenant. */
interface SettingsStep {
  event: RecordedEvent
  settings: { before: TenantSettings; after: TenantSettings }
}
export type Step = StoreStep | SettingsStep

interface Folded {
  steps: StoreStep[]
  /** The newest projection of every stream that changed: a batch is coalesced before it is written. */
  changed: Map<string, StoreProjection>
  parked: ParkedEvent[]
}

/** Folds events of stores' streams, in log order, onto what is known of those streams. Pure, except that it updates `known`. */
export function foldEvents(known: Map<string, KnownStream>, events: RecordedEvent[]): Folded {
  const changed: Folded['changed'] = new Map()
  const steps: StoreStep[] = []
  const parked: ParkedEvent[] = []
  for (const event of events) {
    const stream = known.get(event.stream) ?? { parked: false }
    known.set(event.stream, stream)
    if (stream.parked) {
      parked.push({ event, reason: 'follows a parked event' })
      continue
    }
    const projected = projectEvent(stream.projection, event)
    if (projected.kind === 'projected') {
      steps.push({ event, before: stream.projection, after: projected.projection })
      stream.projection = projected.projection
      changed.set(event.stream, projected.projection)
    } else if (projected.kind === 'refused') {
      stream.parked = true
      parked.push({ event, reason: projected.reason })
    }
  }
  return { steps, changed, parked }
}

/** What the read models hold of what is set for a tenant. */
export interface KnownTenant {
  settings: TenantSettings
  /** Of the last event in it; undefined when there is none. */
  revision?: bigint
  parked: boolean
}

/** Whether an event sets what a tenant may: all that is projected of a tenant's stream. */
export const isOfTenantSettings = ({ stream, type }: RecordedEvent): boolean =>
  type.startsWith(settingsTypePrefix) && tenantIdOfStream(stream) !== undefined

/** As `foldEvents`, for events that set what tenants may. */
export function foldTenants(known: Map<string, KnownTenant>, events: RecordedEvent[]) {
  const changed = new Map<string, KnownTenant>()
  const steps: SettingsStep[] = []
  const parked: ParkedEvent[] = []
  for (const event of events) {
    const { stream, revision } = event
    const tenant: KnownTenant = known.get(stream) ?? { settings: nothingSet, parked: false }
    known.set(stream, tenant)
    if (tenant.parked) parked.push({ event, reason: 'follows a parked event' })
    else if (tenant.revision === undefined || revision > tenant.revision)
      try {
        const decoded = decodeTenantEvent(event)
        if (decoded === undefined || !isSettingEvent(decoded)) continue
        const before = tenant.settings
        tenant.settings = settingsAfter(before, decoded)
        steps.push({ event, settings: { before, after: tenant.settings } })
        tenant.revision = revision
        changed.set(stream, tenant)
      } catch (error) {
        tenant.parked = true
        parked.push({ event, reason: error instanceof Error ? error.message : String(error) })
      }
  }
  return { steps, changed, parked }
}

export interface FoldedOperation {
  state: OperationState
  cause: OperationCause
  updatedAt: string
  revision: bigint
}

/** What the read models hold of an operation. */
export interface KnownOperation {
  operation?: FoldedOperation
  parked: boolean
}

export const isOfOperation = ({ stream }: RecordedEvent): boolean =>
  stream.startsWith(operationStreamPrefix)

/** As `foldEvents`, for events of operations. */
export function foldOperations(known: Map<string, KnownOperation>, events: RecordedEvent[]) {
  const changed = new Map<string, KnownOperation>()
  const parked: ParkedEvent[] = []
  for (const event of events) {
    const { stream, revision, recordedAt: updatedAt } = event
    const held: KnownOperation = known.get(stream) ?? { parked: false }
    known.set(stream, held)
    const before = held.operation
    if (held.parked) parked.push({ event, reason: 'follows a parked event' })
    else if (before === undefined || revision > before.revision)
      try {
        const missing = revision !== (before === undefined ? 0n : before.revision + 1n)
        if (missing) throw new Error(`events before revision ${revision} are missing`)
        const decoded = decodeOperationEvent(event)
        const { state = operationDecider.initialState(), cause = causeOf(event) } = before ?? {}
        const after = decoded === undefined ? state : operationDecider.evolve(state, decoded)
        const isOther =
          after.status !== 'absent' && after.request.operationId !== operationIdOfStream(stream)
        if (isOther) throw new Error('the operation belongs to another stream')
        held.operation = { state: after, cause, updatedAt, revision }
        changed.set(stream, held)
      } catch (error) {
        held.parked = true
        parked.push({ event, reason: error instanceof Error ? error.message : String(error) })
      }
  }
  return { changed, parked }
}

function causeOf(event: RecordedEvent): OperationCause {
  const { actor: createdBy, reason } = decodeMetadata(event)
  return { createdBy, ...(reason !== undefined && { reason }) }
}

/** The rows of operations, as JSON carries them to Postgres. */
export function operationRows(operations: Map<string, KnownOperation>) {
  return [...operations.values()].flatMap(({ operation }) => {
    if (operation === undefined || operation.state.status === 'absent') return []
    const { revision, ...state } = operation
    const view = operationViewOf(operation.state, { ...state.cause, updatedAt: state.updatedAt })
    const { id, tenantId: tenant_id, status, createdAt: created_at } = view
    return [{ id, tenant_id, status, created_at, revision: String(revision), view, state }]
  })
}

/** A change of one counter. */
export interface CountChange {
  tenant_id: string
  engine: string
  status: string
  change: number
}

/** How the counters change when stores go from one projection to the next; unchanged counters are left out. */
export function countChanges(
  steps: Iterable<{ before: StoreProjection | undefined; after: StoreProjection }>,
): CountChange[] {
  const changes = new Map<string, CountChange>()
  const add = ({ state }: StoreProjection, by: number) => {
    const { tenantId: tenant_id, engine } = state.request
    const key = JSON.stringify([tenant_id, engine, state.status])
    const change = changes.get(key) ?? { tenant_id, engine, status: state.status, change: 0 }
    change.change += by
    changes.set(key, change)
  }
  for (const { before, after } of steps) {
    if (before !== undefined) add(before, -1)
    add(after, 1)
  }
  return [...changes.values()].filter(({ change }) => change !== 0)
}
