import type { ClientBase } from 'pg'
import { hasCode } from '#domain'
import { type EventStore, type RecordedEvent, verifyLog } from '#eventstore'
import { type Checkpoint, readCheckpoint } from '#postgres'
import { applyAny } from '../projection/apply.ts'
import { projection, writeCheckpoint } from '../projection/write-batch.ts'
import { LIVE, REBUILT } from './session.ts'

/** The basis of the comparison. `none`: there are no live read models; `diverged`: they were made from another log. */
export type Basis = 'same position' | 'none' | 'diverged'

const EVENTS_AT_ONCE = 1_000

/** Brings the side that is behind up to the other; in the caller's transaction. */
export async function bringToOnePosition(client: ClientBase, store: EventStore): Promise<Basis> {
  const live = await checkpointIn(client, LIVE)
  if (live === undefined) return 'none'
  const rebuilt = await checkpointIn(client, REBUILT)
  if (rebuilt === undefined || !(await isOfThisLog(store, live))) return 'diverged'
  if (live.position < rebuilt.position)
    await catchUp(client, { store, schema: LIVE, from: live, to: rebuilt })
  else await catchUp(client, { store, schema: REBUILT, from: rebuilt, to: live })
  return 'same position'
}

/** Brings the rebuilt side up to the live one when that is ahead; in the caller's transaction. */
export async function followLive(client: ClientBase, store: EventStore): Promise<void> {
  const live = await checkpointIn(client, LIVE)
  const rebuilt = await checkpointIn(client, REBUILT)
  if (live === undefined || rebuilt === undefined || live.position <= rebuilt.position) return
  await catchUp(client, { store, schema: REBUILT, from: rebuilt, to: live })
}

/** The checkpoint of the read models in a schema. */
export async function checkpointIn(
  client: ClientBase,
  schema: string,
): Promise<Checkpoint | undefined> {
  await client.query(`set local search_path to ${schema}`)
  return readCheckpoint(client, projection)
}

interface Stretch {
  store: EventStore
  schema: string
  from: Checkpoint
  to: Checkpoint
}

async function catchUp(client: ClientBase, { store, schema, from, to }: Stretch): Promise<void> {
  await client.query(`set local search_path to ${schema}`)
  let events: RecordedEvent[] = []
  const write = async () => {
    const last = events.at(-1)
    if (last === undefined) return
    await applyAny(client, events)
    await writeCheckpoint(client, last)
    events = []
  }
  for await (const event of store.readAll({ after: from.position })) {
    if (event.position > to.position) break
    events.push(event)
    if (events.length === EVENTS_AT_ONCE) await write()
  }
  await write()
}

async function isOfThisLog(store: EventStore, checkpoint: Checkpoint): Promise<boolean> {
  try {
    await verifyLog(store, checkpoint, 'read models')
    return true
  } catch (error) {
    if (hasCode(error, 'EVENT_LOG_DIVERGED')) return false
    throw error
  }
}
