import { decodeStoreEvent } from '#contracts'
import { storeStream, type StoreEvent } from '#domain'
import type { StoreWorld } from './store-world.ts'

/** A store's history as the API tells it. */
export async function historyOf(
  { stores }: Pick<StoreWorld, 'stores'>,
  storeId: string,
): Promise<StoreEvent[]> {
  const told = await stores.events(storeId)
  const stream = storeStream(storeId)
  return told.flatMap(({ type, data }, index) => {
    const event = decodeStoreEvent({ type, data, stream, revision: BigInt(index) })
    return event === undefined ? [] : [event]
  })
}
