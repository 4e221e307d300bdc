import type { RecordedEvent } from '#eventstore'
import type { ClientBase } from 'pg'
import type { KnownStream } from '../projections/fold-events.ts'
import { storeIdOfStream, type StoreProjection } from '../projections/store-projection.ts'

interface KnownRow {
  stream: string
  parked: boolean
  state: StoreProjection['state'] | null
  revision: bigint
  position: bigint
  updatedAt: string
}

/** What the read models hold of the streams that the events belong to. */
export async function readKnown(
  client: ClientBase,
  events: RecordedEvent[],
): Promise<Map<string, KnownStream>> {
  const streams = [...new Set(events.map(({ stream }) => stream))]
  const { rows } = await client.query<KnownRow>({
    name: 'read-known',
    text: `select given.stream, s.state, s.revision, s.position, s.updated_at as "updatedAt",
             exists (select from parked_events p where p.stream = given.stream) as parked
           from unnest($1::text[], $2::uuid[]) as given(stream, id)
           left join stores s on s.id = given.id`,
    values: [streams, streams.map((stream) => storeIdOfStream(stream) ?? null)],
  })
  return new Map(rows.map((row) => [row.stream, knownOf(row)]))
}

function knownOf({ state, revision, position, updatedAt, parked }: KnownRow): KnownStream {
  if (state === null) return { parked }
  return { parked, projection: { state, revision, position, updatedAt } }
}
