import type { testCluster } from '#test/cluster/test-cluster'
import { namespaceLimits } from '../rendering/quota.ts'
import { deployPath } from '../rendering/render-chart.ts'
import { runHelm } from '../rendering/run-helm.ts'
import { secretKeys } from '../rendering/secret-keys.ts'
import { storeValues, type Engine, type Plan } from '../rendering/store-values.ts'

export type Cluster = Awaited<ReturnType<typeof testCluster>>
type Changes = Record<string, unknown> & { plan: Plan }

const RESTRICTED = {
  'pod-security.kubernetes.io/enforce': 'restricted',
  'pod-security.kubernetes.io/warn': 'restricted',
}

/**
 * A namespace as a store gets it: restricted, with the plan's quota and limits and the store's Secret.
 * It goes with all its pods when the test ends: the node has no room for every store at once.
 */
export async function storeNamespace(cluster: Cluster, engine: Engine, plan: Plan) {
  const namespace = await cluster.namespace(RESTRICTED)
  const { resourceQuota, limitRange } = await namespaceLimits(engine, plan)
  const create = async (kind: string, object: object) => {
    const path = `/api/v1/namespaces/${namespace}/${kind}`
    const { status, body } = await cluster.api(path, { method: 'POST', body: object })
    if (status !== 201) throw new Error(`${path}: ${JSON.stringify(body)}`)
  }
  await create('resourcequotas', { metadata: { name: 'plan' }, spec: resourceQuota })
  await create('limitranges', { metadata: { name: 'plan' }, spec: limitRange })
  const stringData = Object.fromEntries(
    (await secretKeys(engine)).map((key) => [key, 'a1b2c3d4e5f6']),
  )
  await create('secrets', { metadata: { name: 'store-secret' }, immutable: true, stringData })
  return {
    namespace,
    async [Symbol.asyncDispose]() {
      await cluster.api(`/api/v1/namespaces/${namespace}`, { method: 'DELETE' })
    },
  }
}

/** `helm upgrade --install --wait` as the provisioner runs it; returns all that helm said. */
export async function upgradeInstall(
  cluster: Cluster,
  store: { engine: Engine; namespace: string },
  changes: Changes,
): Promise<string> {
  const chart = deployPath('charts', store.engine)
  const flags = ['--reset-values', '--wait', '--timeout', '90s', '--namespace', store.namespace]
  const args = ['upgrade', '--install', ...flags, 's-example', chart]
  return runHelm({ args, values: storeValues(changes), kubeconfig: cluster.kubeconfig })
}
