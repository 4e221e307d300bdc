import type { ClientBase } from 'pg'
import { AppError } from '#domain'
import type { RecordedEvent } from '#eventstore'
import { notificationOf, storeChangesChannel } from '#postgres'
import { type Applied, applyEvents, applyRefusable, isRefusedData } from './apply.ts'

/** The name of the checkpoint of the read models. */
export const projection = 'stores'

/**
 * Writes what events change and the checkpoint behind them in ONE transaction. `from` is the checkpoint the
 * events follow; events that the read models already hold are left out, and a checkpoint that went back is an error.
 */
export async function flush(
  client: ClientBase,
  { events, from }: { events: RecordedEvent[]; from: bigint | undefined },
): Promise<Applied> {
  try {
    return await transact(client, { events, from, apply: applyEvents })
  } catch (error) {
    if (!isRefusedData(error)) throw error
    await client.query('rollback')
    return transact(client, { events, from, apply: applyRefusable })
  }
}

async function transact(
  client: ClientBase,
  options: { events: RecordedEvent[]; from: bigint | undefined; apply: typeof applyEvents },
): Promise<Applied> {
  const { events, from, apply } = options
  await client.query('begin')
  const held = await lockCheckpoint(client)
  if (from !== undefined && (held === undefined || held < from))
    throw new AppError('CONCURRENT_MODIFICATION', 'The read models were set back', {
      retryable: true,
      details: { from: String(from), held: String(held) },
    })
  const fresh = held === undefined ? events : events.filter(({ position }) => position > held)
  const applied = await apply(client, fresh)
  const last = fresh.at(-1)
  if (last !== undefined) await writeCheckpoint(client, last, applied.tenants)
  await client.query('commit')
  return applied
}

/** Locks the checkpoint for this transaction and returns its position. */
async function lockCheckpoint(client: ClientBase): Promise<bigint | undefined> {
  const { rows } = await client.query<{ position: bigint }>({
    name: 'lock-checkpoint',
    text: 'select position from projection_checkpoints where name = $1 for update',
    values: [projection],
  })
  return rows[0]?.position
}

/** Moves the checkpoint to an event. On commit, listeners learn which tenants' stores changed; without a set, any may have. */
export async function writeCheckpoint(
  client: ClientBase,
  { position, id }: { position: bigint; id: string },
  tenants?: Set<string>,
): Promise<void> {
  await client.query({
    name: 'write-checkpoint',
    text: `with moved as (
             insert into projection_checkpoints (name, position, event_id) values ($1, $2, $3)
             on conflict (name) do update
             set position = excluded.position, event_id = excluded.event_id, updated_at = now())
           select pg_notify('${storeChangesChannel}', $4)`,
    values: [projection, position, id, notificationOf({ position, tenants })],
  })
}
