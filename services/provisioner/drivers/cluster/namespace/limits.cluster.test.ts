import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError, type Plan, releaseNameOf } from '#domain'
import { createLogger } from '#observability'
import { leaseOf, releaseMaker } from '#test/cluster/cluster-release'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { openApi } from '../api/client.ts'
import { loadCredentials } from '../api/credentials.ts'
import type { Cluster } from '../context.ts'
import { planLimits, raiseLimits, settleLimits } from './apply-limits.ts'

type World = Awaited<ReturnType<typeof clusterWorld>>

const plansDir = new URL('../../../../../deploy/plans', import.meta.url).pathname
let platform: PlatformCluster
let world: World
let cluster: Cluster

beforeAll(async () => {
  platform = await platformCluster()
  world = await clusterWorld(platform)
  cluster = clusterOf(platform.kubeconfig)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
})

test('a smaller plan takes no room from what runs, until it has been replaced', async () => {
  const store = await newPlace()
  await raiseLimits(cluster, await store.keeping('large'))

  const raised = await raiseLimits(cluster, await store.keeping('small'))

  expect(raised).toBe(true)
  expect(await store.bounds()).toEqual({ pods: '20', storage: '100Gi' })
  await settleLimits(cluster, await store.keeping('small'))
  expect(await store.bounds()).toEqual({ pods: '10', storage: '5Gi' })
})

test('a larger plan has its room at once, and nothing is left to settle', async () => {
  const store = await newPlace()
  await raiseLimits(cluster, await store.keeping('small'))

  expect(await raiseLimits(cluster, await store.keeping('large'))).toBe(false)
  expect(await store.bounds()).toEqual({ pods: '20', storage: '100Gi' })
})

test('a worker that looked before it lost its claim writes nothing over what came since', async () => {
  const store = await newPlace()
  await raiseLimits(cluster, await store.keeping('small'))
  const { target, plan } = await store.keeping('small')
  let asked = 0
  // Frozen between the answer and the write; thawed when the store is large, it is told the truth.
  const confirm = async () => {
    if (++asked > 2) throw new AppError('CLAIM_LOST', 'taken over')
    await settleLimits(cluster, await store.keeping('large'))
  }
  const lease = { ...leaseOf(), confirm }

  await expect(settleLimits(cluster, { target, lease, plan })).rejects.toMatchObject({
    code: 'CLAIM_LOST',
  })

  expect(await store.bounds()).toEqual({ pods: '20', storage: '100Gi' })
})

async function newPlace() {
  const maker = await releaseMaker(world)
  const storeId = randomUUID()
  const namespace = releaseNameOf(storeId)
  await platform.api('/api/v1/namespaces', {
    method: 'POST',
    body: { metadata: { name: namespace } },
  })
  const made = await maker.targetOf(storeId)
  const target = { ...made, request: { ...made.request, engine: 'medusa' as const } }
  const get = async (path: string) =>
    (await platform.api(`/api/v1/namespaces/${namespace}/${path}`)).body
  return {
    keeping: async (name: Plan) => {
      const plan = await planLimits(plansDir, { ...target.request, plan: name })
      return { target, lease: leaseOf(), plan }
    },
    bounds: async () => {
      const quota = JSON.stringify(await get('resourcequotas/plan'))
      const range = JSON.stringify(await get('limitranges/plan'))
      return {
        pods: /"hard":\{[^}]*"pods":"(\d+)"/.exec(quota)?.[1],
        storage: /"max":\{"storage":"(\w+)"/.exec(range)?.[1],
      }
    },
  }
}

function clusterOf(kubeconfig: string): Cluster {
  const never = () => Promise.reject(new Error('Nobody runs helm here'))
  const credentials = loadCredentials(kubeconfig)
  return {
    api: openApi(credentials),
    credentials,
    withNamespaceAccess: (_, work) => work(),
    helm: { run: never, checkVersion: never },
    workDir: '/nowhere',
    chartsDir: '/nowhere',
    plansDir,
    helmLimitMs: 1,
    removalLimitMs: 1,
    routeLimitMs: 1_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  }
}
