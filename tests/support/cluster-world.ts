import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { loadAll } from 'js-yaml'
import { z } from 'zod'
import { kubeconfig } from '../../embedded/cluster/server/kubeconfig.ts'
import { toolPath } from '../../embedded/tools.ts'
import { parseConfig } from '../../services/provisioner/config.ts'
import { start } from '../../services/provisioner/start.ts'
import { provisionerWorld } from './provisioner-world.ts'
import { tempFolder } from './temp-folder.ts'
import { testCluster } from './test-cluster.ts'

const PLATFORM = 'storewright'
const HELM_TIMEOUT_MS = 30_000
const charts = new URL('../../deploy/charts', import.meta.url).pathname
const chart = join(charts, 'storewright')
type TestCluster = Awaited<ReturnType<typeof testCluster>>

/** A real Kubernetes API where the provisioner is who the platform's chart makes it, and no more. */
export async function platformCluster() {
  await using building = new AsyncDisposableStack()
  const cluster = building.use(await testCluster())
  const folder = building.use(await tempFolder('storewright-platform-'))
  await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: PLATFORM } })
  const account = { name: 'sw-provisioner', namespace: PLATFORM }
  await apply(cluster, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account })
  for (const object of await rightsOfChart()) await apply(cluster, object)
  const token = await tokenOf(cluster, PLATFORM, account.name)
  const { url, ca } = cluster
  const file = join(folder.path, 'provisioner.kubeconfig')
  await writeFile(file, kubeconfig({ url, ca, token }), { mode: 0o600 })
  const stack = building.move()
  return {
    ...cluster,
    /** The provisioner's own. */
    provisionerToken: token,
    /** The environment that makes a provisioner work on this cluster. */
    environment: {
      DRIVER: 'cluster',
      KUBECONFIG: file,
      KEEPER_ROLE: 'sw-store-keeper',
      // Nothing runs in the pods.
      ORDER_CHECK: 'off',
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
export type PlatformCluster = Awaited<ReturnType<typeof platformCluster>>

/** Shorter than the defaults, and long enough for a provisioner that shares its machine with a control plane. */
const calmTimes = {
  LEASE_TTL_MS: '8000',
  ACK_WAIT_MS: '8000',
  LEASE_RENEW_MS: '1000',
  LEASE_LOST_MS: '6000',
  HEARTBEAT_TIMEOUT_MS: '5000',
  HELM_KILL_AFTER_MS: '500',
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
  for (const engine of ['woocommerce', 'medusa']) {
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

const token = z.object({ status: z.object({ token: z.string() }) })

/** A token of an account. */
async function tokenOf(
  { api }: Pick<TestCluster, 'api'>,
  namespace: string,
  account: string,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const { body } = await api(path, { method: 'POST', body: { spec: { expirationSeconds: 3_600 } } })
  return token.parse(body).status.token
}

const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
})
type KubernetesObject = z.output<typeof object>

async function rightsOfChart(): Promise<KubernetesObject[]> {
  const files = ['provisioner-role', 'provisioner-fence'].flatMap((name) => [
    '--show-only',
    `templates/${name}.yaml`,
  ])
  const values = join(chart, 'ci', 'example-values.yaml')
  const args = ['template', 'sw', chart, '--namespace', PLATFORM, '--values', values, ...files]
  // A Helm 3 that was built without its release flags would assume an old one.
  args.push('--kube-version', '1.36.0')
  const { stdout } = await execa(toolPath('helm'), args, { timeout: HELM_TIMEOUT_MS })
  return loadAll(stdout).map((document) => object.parse(document))
}

async function apply({ api }: TestCluster, content: KubernetesObject): Promise<void> {
  const { apiVersion, kind, metadata } = content
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
  const resource = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies')
  const path = `${root}${place}/${resource}`
  const { status, body } = await api(path, { method: 'POST', body: content })
  if (status !== 201)
    throw new Error(`${path} was answered with ${status}: ${JSON.stringify(body)}`)
}
