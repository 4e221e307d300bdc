import { type ClientBase, DatabaseError } from 'pg'
import type { RecordedEvent } from '#eventstore'
import { changesOf, writeAudit } from './audit.ts'
import {
  countChanges,
  foldEvents,
  foldOperations,
  foldTenants,
  isOfOperation,
  isOfTenantSettings,
  type ParkedEvent,
  type Step,
} from './fold-events.ts'
import {
  readKnown,
  readOperations,
  readTenants,
  writeCounts,
  writeOperations,
  writeParked,
  writeStores,
  writeTenants,
} from './statements.ts'

export interface Applied {
  /** Rows of stores that were written. */
  stores: number
  parked: ParkedEvent[]
  /** Tenants whose stores changed. */
  tenants: Set<string>
}

/** Applies events of the log, in order, to the read models; within the caller's transaction. Other streams' events change nothing. */
export async function applyEvents(client: ClientBase, events: RecordedEvent[]): Promise<Applied> {
  const ofTenants = await applyToTenants(client, events.filter(isOfTenantSettings))
  const parkedOfOperations = await applyToOperations(client, events.filter(isOfOperation))
  const { steps, ...applied } = await applyToStores(client, events)
  await writeAudit(client, events, { changes: changesOf([...ofTenants.steps, ...steps]) })
  return { ...applied, parked: [...ofTenants.parked, ...parkedOfOperations, ...applied.parked] }
}

async function applyToOperations(
  client: ClientBase,
  ours: RecordedEvent[],
): Promise<ParkedEvent[]> {
  if (ours.length === 0) return []
  const { changed, parked } = foldOperations(await readOperations(client, ours), ours)
  await writeOperations(client, changed)
  await writeParked(client, parked)
  return parked
}

async function applyToTenants(client: ClientBase, ours: RecordedEvent[]) {
  if (ours.length === 0) return { steps: [], parked: [] }
  const { steps, changed, parked } = foldTenants(await readTenants(client, ours), ours)
  await writeTenants(client, changed)
  await writeParked(client, parked)
  return { steps, parked }
}

async function applyToStores(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Applied & { steps: Step[] }> {
  const ours = events.filter(({ stream }) => stream.startsWith('store-'))
  if (ours.length === 0) return { ...nothingApplied(), steps: [] }
  const known = await readKnown(client, ours)
  const before = new Map([...known].map(([stream, { projection }]) => [stream, projection]))
  const { steps, changed, parked } = foldEvents(known, ours)
  const stores = [...changed].map(([stream, after]) => ({ before: before.get(stream), after }))
  await writeStores(client, [...changed.values()])
  await writeCounts(client, countChanges(stores))
  await writeParked(client, parked)
  const tenants = new Set([...changed.values()].map(({ state }) => state.request.tenantId))
  return { stores: changed.size, parked, tenants, steps }
}

const nothingApplied = (): Applied => ({ stores: 0, parked: [], tenants: new Set() })

/** True when Postgres refused a value itself (a NUL, a number out of range, …), so that another attempt fails too. */
export function isRefusedData(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.code ?? '')
}

/** As `applyEvents`, with what Postgres refuses parked. */
export async function applyAny(client: ClientBase, events: RecordedEvent[]): Promise<Applied> {
  await client.query('savepoint events')
  try {
    const applied = await applyEvents(client, events)
    await client.query('release savepoint events')
    return applied
  } catch (error) {
    if (!isRefusedData(error)) throw error
    await client.query('rollback to savepoint events')
    return applyRefusable(client, events)
  }
}

/** As `applyEvents`, one event at a time: one that Postgres refuses is parked, the others are applied. */
export async function applyRefusable(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Applied> {
  const applied = nothingApplied()
  for (const event of events) {
    const { stores, parked, tenants } = await applyOrPark(client, event)
    applied.stores += stores
    applied.parked.push(...parked)
    for (const tenant of tenants) applied.tenants.add(tenant)
  }
  return applied
}

async function applyOrPark(client: ClientBase, event: RecordedEvent): Promise<Applied> {
  await client.query('savepoint event')
  try {
    const applied = await applyEvents(client, [event])
    await client.query('release savepoint event')
    return applied
  } catch (error) {
    if (!isRefusedData(error)) throw error
    await client.query('rollback to savepoint event')
    const parked = [{ event, reason: `Postgres refused it: ${error.message}` }]
    await writeParked(client, parked)
    await writeAudit(client, [event], { changes: new Map() })
    return { ...nothingApplied(), parked }
  }
}
