import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { AppError, releaseNameOf } from '#domain'
import { leaseOf, neverReady, releaseMaker } from '#test/cluster/cluster-release'
import {
  changedCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('a store lies in a restricted namespace of its own, with the limits of its plan and everything denied', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  await driver.deploy(target, leaseOf())
  const { release, request } = target

  const made = {
    namespace: await read(`/api/v1/namespaces/${release}`),
    quota: await read(`/api/v1/namespaces/${release}/resourcequotas/plan`),
    limits: await read(`/api/v1/namespaces/${release}/limitranges/plan`),
    policy: await read(
      `/apis/networking.k8s.io/v1/namespaces/${release}/networkpolicies/default-deny`,
    ),
  }

  const labels = {
    'app.kubernetes.io/managed-by': 'storewright',
    'storewright.dev/store': request.storeId,
    'storewright.dev/tenant': 'demo',
  }
  const enforced = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  expect(made).toMatchObject({
    namespace: { metadata: { labels: { ...labels, ...enforced } } },
    quota: { metadata: { labels }, spec: { hard: { pods: '10', 'requests.storage': '10Gi' } } },
    limits: { metadata: { labels } },
    policy: {
      metadata: { labels },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    },
  })
})

test('the Secret of a store is made once, and its values are nowhere else', async () => {
  await using world = await clusterWorld(cluster)
  const provisioner = await world.startProvisioner()
  const storeId = await world.request({ engine: 'medusa' })
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const { driver, targetOf, recordsOf } = await releaseMaker(world)
  const release = releaseNameOf(storeId)
  const before = await storeSecret(release)
  const target = await targetOf(storeId, 'imagePullSecrets: []\n', 'medusa')

  await driver.deploy(target, leaseOf(2))

  const after = await storeSecret(release)
  expect(after).toEqual(before)
  expect(after.immutable).toBe(true)
  const values = Object.entries(after.data)
    .filter(([key]) => key !== 'admin-email')
    .map(([, value]) => Buffer.from(value, 'base64').toString())
  for (const value of values) expect(value).toMatch(/^[A-Za-z0-9]{32}$/)
  const records = await Promise.all(
    (await recordsOf(release)).map(({ name }) => contentOf(release, name)),
  )
  expect(records).toHaveLength(2)
  const deployments = await read(`/apis/apps/v1/namespaces/${release}/deployments`)
  const everywhere = [JSON.stringify([events, deployments]), await provisioner.output(), ...records]
  for (const value of values) for (const text of everywhere) expect(text).not.toContain(value)
})

test('a chart that reaches for another namespace is refused, and the store has failed', async () => {
  await using world = await clusterWorld(cluster)
  const charts = await changedCharts(world, (path) =>
    writeFile(join(path, 'templates', 'reach.yaml'), reaching),
  )
  await world.startProvisioner({ CHARTS_DIR: charts })
  const storeId = await world.request()

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')[0]?.detail).toMatch(/configmaps.*forbidden/)
  const { status } = await cluster.api('/api/v1/namespaces/default/configmaps/reached')
  expect(status).toBe(404)
})

test('an attempt that ended in order leaves no claim behind', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf, upgradeArgs, helm } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  await driver.deploy(target, leaseOf())
  await helm([
    ...(await upgradeArgs(await targetOf(target.request.storeId, neverReady))),
    '--timeout',
    '1s',
  ])

  await driver.deploy(target, leaseOf(2))

  const selector = 'labelSelector=storewright.dev/claim'
  const claims = await read(`/api/v1/namespaces/${target.release}/secrets?${selector}`)
  expect(claims).toMatchObject({ items: [] })
})

test('a worker that lost its claim before it made the namespace takes it away again', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  const lost = new AppError('CLAIM_LOST', 'taken over')
  const lease = { ...leaseOf(), confirm: () => Promise.reject(lost) }

  await expect(driver.deploy(target, lease)).rejects.toThrow(lost)

  const namespace = await cluster.api(`/api/v1/namespaces/${target.release}`)
  const isEnding = JSON.stringify(namespace.body).includes('deletionTimestamp')
  expect(namespace.status === 404 || isEnding).toBe(true)
})

test('what a broken-off attempt has made is completed by the next', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf, helm } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  await driver.deploy(target, leaseOf())
  const { release } = target
  await helm(['uninstall', release, '--namespace', release])
  for (const path of ['resourcequotas/plan', 'serviceaccounts/release'])
    await cluster.api(`/api/v1/namespaces/${release}/${path}`, { method: 'DELETE' })
  const binding = `/apis/rbac.authorization.k8s.io/v1/namespaces/${release}/rolebindings/storewright`
  await cluster.api(binding, { method: 'DELETE' })

  await driver.deploy(target, leaseOf(2))

  expect(await driver.observe(target)).toMatchObject({ status: 'deployed' })
})

test('F27: a cluster that cannot be reached or used is refused at start', async () => {
  await using world = await clusterWorld(cluster)
  const refusals = [
    [{ KUBECONFIG: await kubeconfigFor(world.folder, 'https://127.0.0.1:1') }, /does not answer/],
    [{ KUBECONFIG: await kubeconfigFor(world.folder, cluster.url) }, /answered with 401/],
    [{ KUBECONFIG: '/nowhere' }, /\/nowhere cannot be read/],
    [{ KUBECONFIG: '' }, /needs KUBECONFIG/],
  ] as const

  for (const [change, message] of refusals)
    await expect(world.startProvisioner(change)).rejects.toThrow(message)
})

const reaching = `apiVersion: v1
kind: ConfigMap
metadata: {name: reached, namespace: default}
data: {}
`

async function read(path: string): Promise<unknown> {
  const { status, body } = await cluster.api(path)
  expect(status).toBe(200)
  return body
}

const secret = z.object({
  metadata: z.object({ uid: z.string() }),
  immutable: z.boolean(),
  data: z.record(z.string(), z.string()),
})

const storeSecret = async (release: string) =>
  secret.parse(await read(`/api/v1/namespaces/${release}/secrets/store-secret`))

const record = z.object({ data: z.object({ release: z.string() }) })

/** All that helm keeps of one revision. */
async function contentOf(release: string, name: string): Promise<string> {
  const { data } = record.parse(await read(`/api/v1/namespaces/${release}/secrets/${name}`))
  const packed = Buffer.from(Buffer.from(data.release, 'base64').toString(), 'base64')
  return gunzipSync(packed).toString()
}

async function kubeconfigFor(folder: string, server: string): Promise<string> {
  const file = join(folder, `${randomUUID()}.kubeconfig`)
  const ca = Buffer.from(cluster.ca).toString('base64')
  const config = {
    clusters: [{ name: 'x', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'x', user: { token: 'wrong' } }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    'current-context': 'x',
  }
  await writeFile(file, JSON.stringify(config))
  return file
}
