import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DependencyAddresses } from '../dependencies/start.ts'
import { toolPath } from '../tools.ts'

/** Every service, in the order they start; they end in the opposite order. */
export const serviceNames = [
  'projector',
  'relay',
  'provisioner',
  'query-api',
  'command-api',
] as const

export type ServiceName = (typeof serviceNames)[number]

interface RunningService {
  url?: string
  close: () => Promise<void>
}

type Start = (env: NodeJS.ProcessEnv, onFatal: (error: Error) => void) => Promise<RunningService>

/** Starts a service inside this process, with the configuration it takes from `env`. */
export const startInProcess: Record<ServiceName, Start> = {
  projector: async (env) => {
    const { start } = await import('../../services/projector/start.ts')
    const { parseConfig } = await import('../../services/projector/config.ts')
    return start(parseConfig(env))
  },
  relay: async (env, onFatal) => {
    const { start } = await import('../../services/relay/start.ts')
    const { parseConfig } = await import('../../services/relay/config.ts')
    return start(parseConfig(env), onFatal)
  },
  provisioner: async (env, onFatal) => {
    const { start } = await import('../../services/provisioner/start.ts')
    const { parseConfig } = await import('../../services/provisioner/config.ts')
    return start(parseConfig(env), onFatal)
  },
  'query-api': async (env) => {
    const { start } = await import('../../services/query-api/start.ts')
    const { parseConfig } = await import('../../services/query-api/config.ts')
    return start(parseConfig(env))
  },
  'command-api': async (env) => {
    const { start } = await import('../../services/command-api/start.ts')
    const { parseConfig } = await import('../../services/command-api/config.ts')
    return start(parseConfig(env))
  },
}

const charts = fileURLToPath(new URL('../../deploy/charts', import.meta.url))

/** Where driver render keeps its releases. */
export const releasesIn = (dataDir: string): string => join(dataDir, 'releases')

/** What every service gets to know: where the dependencies are, and defaults for one machine. */
export function serviceEnv(
  env: NodeJS.ProcessEnv,
  given: { addresses: DependencyAddresses; dataDir: string; positionKey: string; auditKey: string },
): NodeJS.ProcessEnv {
  const { addresses, dataDir, positionKey, auditKey } = given
  return {
    AUTH: 'off',
    DRIVER: 'render',
    CHARTS_DIR: charts,
    RELEASES_DIR: releasesIn(dataDir),
    ...env,
    HELM_BIN: toolPath('helm'),
    HOST: '127.0.0.1',
    // The front tells from whom a request comes.
    TRUSTED_PROXIES: 'loopback',
    PORT: '0',
    EVENTSTORE_URL: addresses.eventStore,
    NATS_URL: addresses.nats,
    DATABASE_URL: addresses.database,
    AUDIT_SIGNING_KEY: auditKey,
    POSITION_KEY: env['POSITION_KEY'] || positionKey,
  }
}
