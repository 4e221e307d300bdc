import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PartAddresses } from '../parts/start-parts.ts'
import { toolPath } from '../tools.ts'

const charts = fileURLToPath(new URL('../../deploy/charts', import.meta.url))

/** Where driver render keeps its releases. */
export const releasesIn = (dataDir: string): string => join(dataDir, 'releases')

/** What every service gets to know: where the parts are, and defaults for one machine. */
export function serviceEnv(
  env: NodeJS.ProcessEnv,
  { addresses, dataDir }: { addresses: PartAddresses; dataDir: string },
): NodeJS.ProcessEnv {
  return {
    AUTH: 'off',
    DRIVER: 'render',
    CHARTS_DIR: charts,
    RELEASES_DIR: releasesIn(dataDir),
    ...env,
    HELM_BIN: toolPath('helm'),
    HOST: '127.0.0.1',
    PORT: '0',
    EVENTSTORE_URL: addresses.eventStore,
    NATS_URL: addresses.nats,
    DATABASE_URL: addresses.database,
  }
}
