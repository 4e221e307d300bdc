import type { RecordedEvent } from '#eventstore'
import { DatabaseError, type ClientBase } from 'pg'
import { applyEvents, type Applied } from './apply-events.ts'
import { writeParked } from './write-read-models.ts'

/** True when Postgres refused a value itself (a NUL, a number out of range, …), so that trying again is in vain. */
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
  const applied: Applied = { stores: 0, parked: [] }
  for (const event of events) {
    const { stores, parked } = await applyOrPark(client, event)
    applied.stores += stores
    applied.parked.push(...parked)
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
    return { stores: 0, parked }
  }
}
