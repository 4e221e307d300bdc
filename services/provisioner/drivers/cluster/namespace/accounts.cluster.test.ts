import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { leaseOf, releaseMaker } from '#test/cluster/cluster-release'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'

const MERGE = 'application/merge-patch+json'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
const ACCOUNT = 'system:serviceaccount:storewright:sw-provisioner'

let cluster: PlatformCluster
let world: Awaited<ReturnType<typeof clusterWorld>>
let maker: Awaited<ReturnType<typeof releaseMaker>>

beforeAll(async () => {
  cluster = await platformCluster()
  world = await clusterWorld(cluster)
  maker = await releaseMaker(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

test('an account with all rights needs no namespace role', async () => {
  const driver = await maker.driverAs({ kubeconfig: cluster.kubeconfig, namespaceRole: undefined })
  const target = await newTarget()

  await driver.deploy(target, leaseOf())

  expect(await driver.observe(target)).toMatchObject({ status: 'deployed' })
})

test('an account without rights is told which request was refused', async () => {
  const driver = await maker.driverAs({ kubeconfig: restricted(), namespaceRole: undefined })
  const target = await newTarget()
  const refusal = (what: string) => ({
    code: 'CLUSTER_REFUSED',
    message: expect.stringMatching(new RegExp(`^${what}.* was answered with 403: `)),
  })

  await expect(driver.observe(target)).rejects.toMatchObject(refusal('GET'))
  await expect(driver.deploy(target, leaseOf())).rejects.toMatchObject(refusal('POST'))
})

test('an account that may see namespaces and nothing in them is told what it cannot read', async () => {
  const target = await newTarget()
  await maker.driver.deploy(target, leaseOf())
  await letRestrictedSee('namespaces')
  const driver = await maker.driverAs({ kubeconfig: restricted(), namespaceRole: undefined })
  const refusal = {
    code: 'CLUSTER_REFUSED',
    message: expect.stringMatching(/^GET \S+\/(secrets|persistentvolumeclaims) was .* 403: /),
  }

  await eventually(() =>
    expect(driver.observe(target)).rejects.toMatchObject({
      message: expect.stringContaining('/secrets was answered with 403'),
    }),
  )
  await expect(driver.inventory(target)).rejects.toMatchObject(refusal)
})

test.each([
  { what: 'change namespaces', role: 'sw-provisioner', resource: 'namespaces', verb: 'patch' },
  {
    what: 'make tokens',
    role: 'sw-store-namespace',
    resource: 'serviceaccounts/token',
    verb: 'create',
  },
])('an account that may not $what any more is told so, and helm does not run', async (right) => {
  const target = await newTarget()
  await maker.driver.deploy(target, leaseOf())
  const before = await maker.recordsOf(target.release)
  await using _ = await without(target, right)

  await expect(maker.driver.deploy(target, leaseOf(2))).rejects.toMatchObject(refused)

  expect(await maker.recordsOf(target.release)).toEqual(before)
  const claims = `/api/v1/namespaces/${target.release}/secrets?labelSelector=storewright.dev/claim`
  expect((await cluster.api(claims)).body).toMatchObject({ items: [] })
})

test.each([
  { what: 'change', role: 'sw-provisioner', resource: 'namespaces', verb: 'patch' },
  { what: 'remove', role: 'sw-provisioner', resource: 'namespaces', verb: 'delete' },
])(
  'a removal by an account that may not $what namespaces is told so, and goes on later',
  async (right) => {
    const target = await newTarget()
    await maker.driver.deploy(target, leaseOf())
    {
      await using _ = await without(target, right)
      await expect(maker.driver.uninstall(target, leaseOf(2))).rejects.toMatchObject(refused)
    }

    await maker.driver.uninstall(target, leaseOf(3))

    await eventually(async () =>
      expect(await maker.driver.observe(target)).toEqual({ status: 'absent' }),
    )
  },
)

test('F27: an account that the cluster does not know, or a cluster that does not answer, is refused at the start', async () => {
  const text = await readFile(cluster.kubeconfig, 'utf8')
  const unknown = await written(text.replace(/token: .*/, 'token: wrong'))
  const nowhere = await written(text.replace(cluster.url, 'https://127.0.0.1:1'))

  await expect(maker.driverAs({ kubeconfig: unknown })).rejects.toMatchObject({
    code: 'CLUSTER_REFUSED',
    message: expect.stringContaining('The cluster cannot be used'),
  })
  await expect(maker.driverAs({ kubeconfig: nowhere })).rejects.toMatchObject({
    code: 'CLUSTER_UNREACHABLE',
  })
})

const rules = z.object({
  rules: z.array(z.looseObject({ resources: z.array(z.string()), verbs: z.array(z.string()) })),
})

const refused = {
  code: 'CLUSTER_REFUSED',
  message: expect.stringContaining('was answered with 403: '),
}

const restricted = (): string => join(dirname(cluster.kubeconfig), 'restricted.kubeconfig')

const newTarget = (): Promise<Target> => maker.targetOf(randomUUID())

/** Takes one right from a role until it is disposed of; it is about the store's namespace. */
async function without(
  { release }: Target,
  { role, resource, verb }: { role: string; resource: string; verb: string },
): Promise<AsyncDisposable> {
  const path = `${RBAC}/clusterroles/${role}`
  const before = rules.parse((await cluster.api(path)).body)
  const fewer = before.rules.map((rule) =>
    rule.resources.includes(resource)
      ? { ...rule, verbs: rule.verbs.filter((each) => each !== verb) }
      : rule,
  )
  const put = (body: object) => cluster.api(path, { method: 'PATCH', contentType: MERGE, body })
  const [kind, subresource] = resource.split('/')
  const resourceAttributes = {
    namespace: release,
    name: release,
    resource: kind,
    subresource,
    verb,
  }
  const body = { spec: { user: ACCOUNT, resourceAttributes } }
  const untilAllowed = (wanted: boolean) =>
    eventually(async () => {
      const answer = await cluster.api(REVIEWS, { method: 'POST', body })
      expect(answer.body).toMatchObject({ status: { allowed: wanted } })
    })
  await put({ rules: fewer.filter(({ verbs }) => verbs.length > 0) })
  await untilAllowed(false)
  return {
    [Symbol.asyncDispose]: async () => {
      await put(before)
      await untilAllowed(true)
    },
  }
}

async function letRestrictedSee(resource: string): Promise<void> {
  const name = `sees-${resource}`
  const rule = { apiGroups: [''], resources: [resource], verbs: ['get'] }
  const role = { metadata: { name }, rules: [rule] }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name }
  const subjects = [{ kind: 'User', name: 'storewright-restricted' }]
  const binding = { metadata: { name }, roleRef, subjects }
  for (const [kind, body] of Object.entries({ clusterroles: role, clusterrolebindings: binding }))
    expect((await cluster.api(`${RBAC}/${kind}`, { method: 'POST', body })).status).toBe(201)
}

async function written(kubeconfig: string): Promise<string> {
  const file = join(world.folder, `${randomUUID()}.kubeconfig`)
  await writeFile(file, kubeconfig)
  return file
}
