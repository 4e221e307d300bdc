import { randomUUID } from 'node:crypto'
import { storeStream } from '#domain'
import type { clusterWorld } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'

type World = Pick<
  Awaited<ReturnType<typeof clusterWorld>>,
  'send' | 'notify' | 'requestOf' | 'eventStore'
>

const READY_TIMEOUT_MS = 300_000
const expected = [
  'StoreRequested',
  'ProvisioningStarted',
  'ProvisioningStepRecorded',
  'StoreProvisioned',
]

/** Asks for that many stores; nobody is notified yet. */
export async function askFor(world: World, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  for (const id of ids) await world.send(id, world.requestOf(id))
  return ids
}

/** When the last of the stores was ready, in milliseconds since the epoch. Throws unless each was by one run of helm. */
export async function untilReady({ eventStore }: World, ids: string[]): Promise<number> {
  const readyAt: number[] = []
  for (const id of ids) {
    const look = async () => {
      const types: string[] = []
      let at = ''
      let last: unknown
      for await (const { type, recordedAt, data } of eventStore.readStream(storeStream(id))) {
        types.push(type)
        at = recordedAt
        last = data
      }
      if (types.join() !== expected.slice(0, types.length).join())
        return `${id} went another way: ${types.join(', ')} ${JSON.stringify(last)}`
      if (types.length < expected.length) throw new Error(`${id} is not ready`)
      return Date.parse(at)
    }
    const found = await eventually(look, { timeoutMs: READY_TIMEOUT_MS, everyMs: 250 })
    if (typeof found === 'string') throw new Error(found)
    readyAt.push(found)
  }
  return Math.max(...readyAt)
}
