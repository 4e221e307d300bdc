import { join } from 'node:path'
import { freePort } from '../processes/free-port.ts'
import type { RunningProcess } from '../processes/start-process.ts'
import type { Part, Supervised } from '../processes/supervise.ts'
import { toolPath } from '../tools.ts'
import { startEventStorePart } from './event-store.ts'
import { startNats } from './nats.ts'
import { startPostgres } from './postgres.ts'

export interface PartAddresses {
  eventStore: string
  nats: string
  database: string
}

export interface StartPartsOptions {
  dataDir: string
  /** Addresses of parts that somebody else runs: those are not started. */
  given: Partial<PartAddresses>
  supervise: <T extends RunningProcess>(part: Part<T>) => Promise<Supervised<T>>
  /** The secret that is kept in a file, made where there is none. */
  secretIn: (file: string) => string
}

interface Place {
  dataDir: string
  logFile: string
  port: number
}

/** Starts every part that is not given; resolves to all addresses and to what stops them, last one first. */
export async function startParts({ dataDir, given, supervise, secretIn }: StartPartsOptions) {
  const started: Supervised[] = []
  const stop = async () => {
    for (const part of started.toReversed()) await part.stop()
  }
  const start = async (
    name: string,
    startPart: (place: Place) => Promise<RunningProcess & { url: string }>,
  ) => {
    const port = await freePort()
    const place = {
      dataDir: join(dataDir, name),
      logFile: join(dataDir, 'logs', `${name}.log`),
      port,
    }
    const part = await supervise({ name, start: () => startPart(place) })
    started.push(part)
    return part.first.url
  }
  const startOurNats = (place: Place) => {
    const password = secretIn(join(place.dataDir, 'password'))
    return startNats({ executable: toolPath('nats-server'), ...place, password })
  }
  try {
    const addresses: PartAddresses = {
      eventStore: given.eventStore ?? (await start('event-store', startEventStorePart)),
      nats: given.nats ?? (await start('nats-server', startOurNats)),
      database: given.database ?? (await start('postgres', startPostgres)),
    }
    return { addresses, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
