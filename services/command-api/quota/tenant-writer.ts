import { randomUUID } from 'node:crypto'
import { inBatches } from '#async'
import { decodeTenantEvent, schemaVersion } from '#contracts'
import {
  AppError,
  hasCode,
  tenant,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
  tenantStream,
} from '#domain'
import type { EventStore, NewEvent } from '#eventstore'
import type { Context } from './tenant-quota.ts'

const BATCH_MAX = 500
const PATIENCE_MS = 10_000

/** A command of a request to a tenant. */
interface Request {
  command: TenantCommand
  context: Context
}

/** One thing asked of a tenant's stream: a command, or just a look at its newest state. */
interface Ask {
  request: Request | undefined
  resolve: (events: TenantEvent[]) => void
  reject: (error: unknown) => void
}

interface Decided {
  ask: Ask
  events: TenantEvent[]
}

export type TenantQueue = ReturnType<typeof tenantQueue>

/** The only writer of a tenant's stream in this process: all that is asked at the same time is one append. */
export function tenantQueue(store: EventStore, tenantId: string) {
  const ledger = emptyLedger(tenantId)
  const queue = inBatches<Ask>((asks) => answer(store, ledger, asks), BATCH_MAX)
  const ask = (request?: Request) =>
    new Promise<TenantEvent[]>((resolve, reject) => {
      queue.add({ request, resolve, reject })
    })
  return {
    /** Also of what is being stored just now. */
    state: ledger.state,
    isLoaded: () => ledger.revision !== 'no_stream' || ledger.upToDate,
    isIdle: queue.isIdle,
    /** Reads the newest events. */
    refresh: () => ask(),
    /** The events the command caused, once they are stored; none when it had happened before. */
    handle: (command: TenantCommand, context: Context) => ask({ command, context }),
  }
}

async function answer(store: EventStore, ledger: Ledger, asks: Ask[]): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  if (asks.some(({ request }) => request === undefined)) ledger.upToDate = false
  for (let pending = asks; pending.length > 0;)
    try {
      pending = await tryOnce(store, ledger, pending)
    } catch (error) {
      const isLost = hasCode(error, 'CONCURRENT_MODIFICATION')
      if (isLost && performance.now() < giveUpAt) continue
      for (const { reject } of pending) reject(isLost ? tooBusy(error) : error)
      return
    }
}

/** Settles what it can and returns what has to be decided again on newer events. */
async function tryOnce(store: EventStore, ledger: Ledger, asks: Ask[]): Promise<Ask[]> {
  const isFresh = !ledger.upToDate
  if (isFresh) await catchUp(store, ledger)
  const refused: Ask[] = []
  const decided: Decided[] = []
  for (const ask of asks)
    try {
      decided.push({ ask, events: decideFor(ledger, ask) })
    } catch (error) {
      // Refused on what may be old: look again before saying no.
      if (isFresh) ask.reject(error)
      else refused.push(ask)
    }
  await append(store, ledger, decided)
  for (const { ask, events } of decided) ask.resolve(events)
  if (refused.length > 0) ledger.upToDate = false
  return refused
}

async function append(store: EventStore, ledger: Ledger, decided: Decided[]): Promise<void> {
  const { tenantId } = ledger
  const stored = decided.flatMap(({ ask, events }) => {
    const context = ask.request?.context
    return context === undefined ? [] : events.map((event) => newEvent(event, tenantId, context))
  })
  if (stored.length === 0) return
  ledger.upToDate = false
  try {
    const { revision } = await store.append(tenantStream(tenantId), stored, ledger.revision)
    ledger.revision = revision
    ledger.upToDate = true
  } catch (error) {
    takeBack(
      ledger,
      decided.flatMap(({ events }) => events),
    )
    throw error
  }
}

function decideFor(ledger: Ledger, { request }: Ask): TenantEvent[] {
  return request === undefined ? [] : decideAhead(ledger, request.command)
}

// A random id: two processes that reserve the same slot must not both be told that they were the one.
function newEvent(event: TenantEvent, tenantId: string, context: Context): NewEvent {
  const id = randomUUID()
  return { id, ...event, metadata: { ...context, tenantId, schemaVersion, commandId: id } }
}

function tooBusy(cause: unknown): AppError {
  return new AppError('EVENT_STORE_UNAVAILABLE', 'Too many writers at the same tenant', {
    retryable: true,
    cause,
  })
}

/** What this process knows of one tenant's stream. */
interface Ledger {
  tenantId: string
  state: TenantState
  revision: bigint | 'no_stream'
  /** False when the stream may hold more than is known here. */
  upToDate: boolean
}

function emptyLedger(tenantId: string): Ledger {
  return { tenantId, state: tenant.initialState(), revision: 'no_stream', upToDate: false }
}

/** Reads what the ledger does not know yet. */
async function catchUp(store: EventStore, ledger: Ledger): Promise<void> {
  const from = ledger.revision === 'no_stream' ? 0n : ledger.revision + 1n
  for await (const recorded of store.readStream(tenantStream(ledger.tenantId), { from })) {
    const event = decodeTenantEvent(recorded)
    if (event !== undefined) ledger.state = tenant.evolve(ledger.state, event)
    ledger.revision = recorded.revision
  }
  ledger.upToDate = true
}

/** Decides and applies the outcome, so that the next decision of the batch sees it. */
function decideAhead({ state }: Ledger, command: TenantCommand): TenantEvent[] {
  const events = tenant.decide(state, command)
  for (const event of events) tenant.evolve(state, event)
  return events
}

/** Takes back what was decided ahead and could not be stored; what a release has wiped out is read again. */
function takeBack(ledger: Ledger, events: TenantEvent[]): void {
  const { reserved, known } = ledger.state
  if (events.some(({ type }) => type === 'StoreSlotReleased')) {
    reserved.clear()
    known.clear()
    ledger.revision = 'no_stream'
    return
  }
  for (const { data } of events) {
    reserved.delete(data.storeId)
    known.delete(data.storeId)
  }
}
