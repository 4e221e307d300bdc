import type { StoreEvent } from '#domain'
import { eventually } from './eventually.ts'

type DataByType = { [Event in StoreEvent as Event['type']]: Event['data'] }

interface Log {
  history: (storeId: string) => Promise<StoreEvent[]>
}

/** Waits until the store's stream ends with an event of the type, and returns the stream. */
export async function untilLast(
  { history }: Log,
  storeId: string,
  type: StoreEvent['type'],
  timeoutMs = 60_000,
): Promise<StoreEvent[]> {
  return eventually(
    async () => {
      const events = await history(storeId)
      if (events.at(-1)?.type !== type) throw new Error(`No ${type} yet: ${JSON.stringify(events)}`)
      return events
    },
    { timeoutMs, everyMs: 100 },
  )
}

/** The data of all events of one type. */
export function dataOf<Type extends StoreEvent['type']>(
  events: StoreEvent[],
  type: Type,
): DataByType[Type][] {
  const isWanted = (
    event: StoreEvent,
  ): event is StoreEvent & { type: Type; data: DataByType[Type] } => event.type === type
  return events.filter(isWanted).map(({ data }) => data)
}
