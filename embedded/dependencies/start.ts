import { join } from 'node:path'
import { freePort } from '../processes/free-port.ts'
import type { Component, ComponentProcess, Supervised } from '../processes/supervise.ts'
import { toolPath } from '../tools.ts'
import { startEmbeddedEventStore } from './event-store.ts'
import { startNats } from './nats.ts'
import { startPostgres } from './postgres.ts'

export interface DependencyAddresses {
  eventStore: string
  nats: string
  database: string
}

export interface DependencyOptions {
  dataDir: string
  /** Addresses of dependencies that somebody else runs: those are not started. */
  given: Partial<DependencyAddresses>
  supervise: <T extends ComponentProcess>(component: Component<T>) => Promise<Supervised<T>>
  /** The secret that is kept in a file, made where there is none. */
  secretIn: (file: string) => string
}

interface Place {
  dataDir: string
  logFile: string
  port: number
}

/** Starts every dependency that is not given; resolves to all addresses and to what stops them, last one first. */
export async function startDependencies(options: DependencyOptions) {
  const { dataDir, given, supervise, secretIn } = options
  const started: Supervised[] = []
  const stop = async () => {
    for (const dependency of started.toReversed()) await dependency.stop()
  }
  const start = async (
    name: string,
    startOne: (place: Place) => Promise<ComponentProcess & { url: string }>,
  ) => {
    const port = await freePort()
    const place = {
      dataDir: join(dataDir, name),
      logFile: join(dataDir, 'logs', `${name}.log`),
      port,
    }
    const dependency = await supervise({ name, start: () => startOne(place) })
    started.push(dependency)
    return dependency.first.url
  }
  const startOurNats = (place: Place) => {
    const password = secretIn(join(place.dataDir, 'password'))
    return startNats({ executable: toolPath('nats-server'), ...place, password })
  }
  try {
    const addresses: DependencyAddresses = {
      eventStore: given.eventStore ?? (await start('event-store', startEmbeddedEventStore)),
      nats: given.nats ?? (await start('nats-server', startOurNats)),
      database: given.database ?? (await start('postgres', startPostgres)),
    }
    return { addresses, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
