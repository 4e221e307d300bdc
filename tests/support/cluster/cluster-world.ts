import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engines } from '#domain'
import { parseConfig } from '../../../services/provisioner/config.ts'
import { start } from '../../../services/provisioner/start.ts'
import { platformAccount } from './platform-account.ts'
import { provisionerWorld } from '../provisioner/provisioner-world.ts'
import { tempFolder } from '../temp-folder.ts'
import { testCluster } from './test-cluster.ts'

const charts = new URL('../../../deploy/charts', import.meta.url).pathname

/** A real Kubernetes API where the provisioner is who the platform's chart makes it, and no more. */
export async function platformCluster(namespace = 'storewright') {
  await using building = new AsyncDisposableStack()
  const cluster = building.use(await testCluster())
  const folder = building.use(await tempFolder('storewright-platform-'))
  const account = await platformAccount(cluster, folder.path, namespace)
  const stack = building.move()
  return {
    ...cluster,
    /** The provisioner's own. */
    provisionerToken: account.token,
    /** The environment that makes a provisioner work on this cluster. */
    environment: {
      ...account.environment,
      // Nothing runs in the pods.
      SMOKE_TEST: 'off',
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
export type PlatformCluster = Awaited<ReturnType<typeof platformCluster>>

/** Shorter than the defaults, and long enough for a provisioner that shares its machine with a control plane. */
const calmTimes = {
  LEASE_MS: '8000',
  RETRY_DELAYS_MS: '100,200',
}

/** A log, a bus and provisioners that work on the cluster. */
export async function clusterWorld(
  cluster: PlatformCluster,
  options: Parameters<typeof provisionerWorld>[0] = {},
) {
  const world = await provisionerWorld({ times: calmTimes, ...options })
  const environment = { ...world.environment, ...cluster.environment }
  const tmp = join(world.folder, 'tmp')
  await mkdir(tmp)
  const stack = new AsyncDisposableStack()
  stack.use(world)
  return {
    ...world,
    cluster,
    environment,
    startProvisioner: (change: Record<string, string> = {}) =>
      world.startProvisioner({ ...environment, TMPDIR: tmp, ...change }),
    /** A provisioner in this process, where its lines count as run; ended with this world. */
    provisionHere: async (change: Record<string, string> = {}) => {
      const given = { ...environment, LOG_LEVEL: 'silent', ...change }
      const { close } = await start(parseConfig(given))
      stack.defer(close)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** The store charts with changed files, in a folder of their own. */
export async function changedCharts(
  { folder }: { folder: string },
  change: (chart: string) => Promise<void>,
): Promise<string> {
  const changed = await mkdtemp(join(folder, 'charts-'))
  for (const engine of engines) {
    await cp(join(charts, engine), join(changed, engine), { recursive: true })
    await change(join(changed, engine))
  }
  return changed
}

/** The store charts with a server that never gets ready. */
export function brokenCharts(world: { folder: string }): Promise<string> {
  return changedCharts(world, async (path) => {
    const file = join(path, 'values.yaml')
    const values = await readFile(file, 'utf8')
    await writeFile(file, values.replace(/server: .*/, 'server: sim.invalid/neverready:1'))
  })
}
