import { eventually } from '#test/eventually'
import { testCluster } from '#test/cluster/test-cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { runHelm } from '../rendering/run-helm.ts'
import { engines, matrix, routes } from '../rendering/store-values.ts'
import { storeNamespace, upgradeInstall, type Cluster } from './store-release.ts'

const list = z.object({
  items: z.array(z.looseObject({ metadata: z.looseObject({ uid: z.string() }) })),
})
const eventList = z.object({
  items: z.array(z.object({ reason: z.string(), message: z.string() })),
})
/**
 * Said of a claim in the moment before it is bound, or when two controllers bind it at once and one tries again; and
 * of a Service that the API server's own repair loop sees before the address it was given.
 */
const PASSING =
  /unbound immediate PersistentVolumeClaims|Error saving claim: Operation cannot be fulfilled|ClusterIPNotAllocated/
let cluster: Cluster

beforeAll(async () => {
  cluster = await testCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test.each(matrix)(
  'a namespace of plan $plan admits $engine with route $routeName without a warning',
  async ({ engine, plan, route }) => {
    await using store = await storeNamespace(cluster, engine, plan)
    const { namespace } = store

    const said = await upgradeInstall(cluster, { engine, namespace }, { plan, route })

    expect(said).toContain('STATUS: deployed')
    expect(said).not.toMatch(/warn/i)
    expect(await warnings(namespace)).toEqual([])
  },
)

describe.each(engines)('%s', (engine) => {
  test('rolls to other values within its quota and keeps its volumes and its Secret', async () => {
    await using store = await storeNamespace(cluster, engine, 'large')
    const { namespace } = store
    await upgradeInstall(cluster, { engine, namespace }, { plan: 'large' })
    const before = await kept(namespace)

    const host = 'other.example.com'
    await upgradeInstall(
      cluster,
      { engine, namespace },
      { plan: 'large', route: routes.ingress, host },
    )

    expect(await kept(namespace)).toEqual(before)
    expect(await warnings(namespace)).toEqual([])
  })

  test('finds its volumes again after it was uninstalled', async () => {
    await using store = await storeNamespace(cluster, engine, 'small')
    const { namespace } = store
    await upgradeInstall(cluster, { engine, namespace }, { plan: 'small' })
    const before = await kept(namespace)
    const args = ['uninstall', '--wait', '--namespace', namespace, 's-example']
    await runHelm({ args, kubeconfig: cluster.kubeconfig })

    await upgradeInstall(cluster, { engine, namespace }, { plan: 'small' })

    expect(await kept(namespace)).toEqual(before)
  })

  test('of plan large runs three servers', async () => {
    await using store = await storeNamespace(cluster, engine, 'large')
    const { namespace } = store
    await upgradeInstall(cluster, { engine, namespace }, { plan: 'large' })
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/s-example-server`

    await eventually(
      async () =>
        expect((await cluster.api(path)).body).toMatchObject({ status: { readyReplicas: 3 } }),
      { timeoutMs: 60_000 },
    )
  })
})

/** What must be the same object after an upgrade. */
async function kept(namespace: string): Promise<string[]> {
  const uids = ['persistentvolumeclaims', 'secrets/store-secret'].map(async (kind) => {
    const { body } = await cluster.api(`/api/v1/namespaces/${namespace}/${kind}`)
    const items = list.safeParse(body).data?.items ?? [list.shape.items.element.parse(body)]
    return items.map(({ metadata }) => metadata.uid)
  })
  return (await Promise.all(uids)).flat().toSorted()
}

async function warnings(namespace: string): Promise<string[]> {
  const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=type%3DWarning`
  const { items } = eventList.parse((await cluster.api(path)).body)
  return items
    .map(({ reason, message }) => `${reason}: ${message}`)
    .filter(
      (warning) =>
        !PASSING.test(warning) && !/FailedGetResourceMetric|FailedComputeMetrics/.test(warning),
    )
}
