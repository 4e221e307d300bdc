import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { leaseOf, releaseMaker } from '#test/cluster/cluster-release'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'

const MERGE = 'application/merge-patch+json'
const GATEWAY = '/apis/gateway.networking.k8s.io/v1'
const parentRefs = [{ name: 'public', namespace: 'gateway-system', sectionName: 'https' }]

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster('shops')
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('a platform in a namespace of any name makes a store whose policies let its smoke test in, and nobody but a gateway beside', async () => {
  await using world = await clusterWorld(cluster)
  await world.provisionHere()

  const storeId = await world.request({ engine: 'medusa' })

  await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  const from = ['gateway-system', 'shops'].map((name) => ({
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
  }))
  expect(await read(release, 'networkpolicies', `${release}-server`)).toMatchObject({
    spec: { ingress: [{ from, ports: [{ port: 9000 }] }] },
  })
})

test('with an Ingress for every store, a store is ready with its Ingress, its TLS Secret and the pull secret', async () => {
  await using world = await clusterWorld(cluster)
  const secrets = await secretsFolder(world, {
    pull: { '.dockerconfigjson': '{"auths":{}}' },
    wildcard: { 'tls.crt': 'certificate', 'tls.key': 'key' },
  })
  const values = {
    route: { kind: 'ingress', className: 'nginx', tlsSecret: 'wildcard' },
    imagePullSecrets: [{ name: 'pull' }],
    adminEmail: 'shops@example.com',
  }
  await world.provisionHere({ ...(await installed(world, values)), STORE_SECRETS_DIR: secrets })

  const storeId = await world.request({ engine: 'medusa' })

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  const url = `https://${release}.stores.localhost`
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ url }])
  expect(dataOf(events, 'ProvisioningStepRecorded')).toMatchObject([
    { step: 'install' },
    { step: 'route', detail: { route: `Ingress/${release}-server` } },
  ])
  expect(await read(release, 'ingresses', `${release}-server`)).toMatchObject({
    spec: {
      ingressClassName: 'nginx',
      tls: [{ hosts: [`${release}.stores.localhost`], secretName: 'wildcard' }],
    },
  })
  expect(await read(release, 'secrets', 'wildcard')).toMatchObject({
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': b64('certificate'), 'tls.key': b64('key') },
  })
  expect(await read(release, 'secrets', 'pull')).toMatchObject({
    type: 'kubernetes.io/dockerconfigjson',
  })
  expect(await read(release, 'secrets', 'store-secret')).toMatchObject({
    data: { 'admin-email': b64('shops@example.com') },
  })
  expect(JSON.stringify(events)).not.toContain('shops@example.com')
})

test('with a Gateway for every store, a store is ready when the Gateway has accepted its HTTPRoute, and not before', async () => {
  await using world = await clusterWorld(cluster)
  const values = { route: { kind: 'httpRoute', parentRefs } }
  await world.provisionHere({ ...(await installed(world, values)), ROUTE_LIMIT_MS: '120000' })

  const storeId = await world.request({ engine: 'woocommerce' })
  const release = releaseNameOf(storeId)
  const name = `${release}-server`
  await untilStep(world, storeId, 'install')
  await answerFor(release, { type: 'Accepted', status: 'False', reason: 'NotAllowedByListeners' })
  const before = await world.history(storeId)
  await answerFor(release, { type: 'Accepted', status: 'True', reason: 'Accepted' })

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(before.map(({ type }) => type)).not.toContain('StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStepRecorded')).toMatchObject([
    { step: 'install' },
    {
      step: 'route',
      detail: { route: `HTTPRoute/${name}`, parents: 'gateway-system/public/https' },
    },
  ])
})

test('a store whose HTTPRoute nobody accepts is not ready, and says whom it waited for; later it is, without helm', async () => {
  await using world = await clusterWorld(cluster)
  const values = { route: { kind: 'httpRoute', parentRefs } }
  const settings = { ROUTE_LIMIT_MS: '500', RETRY_DELAYS_MS: '100' }
  await world.provisionHere({ ...(await installed(world, values)), ...settings })

  const storeId = await world.request({ engine: 'medusa' })
  const failed = await untilLast(world, storeId, 'StoreFailed')
  const release = releaseNameOf(storeId)
  await answerFor(release, { type: 'Accepted', status: 'True', reason: 'Accepted' })
  await world.send(storeId, { type: 'RequestRetry', now: new Date().toISOString() })
  await world.notify(storeId)
  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(failed, 'StoreFailed')).toMatchObject([
    {
      reason: 'ROUTE_NOT_ACCEPTED',
      detail: `HTTPRoute/${release}-server is not accepted: gateway-system/public/https: no controller of a Gateway has answered`,
      retryable: true,
    },
  ])
  const steps = dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)
  expect(steps.filter((step) => step === 'install')).toHaveLength(1)
  expect(steps.slice(-2)).toEqual(['adopt', 'route'])
})

test('a route is confirmed for its newest version and its backends, and an address only where it is asked for', async () => {
  await using world = await clusterWorld(cluster)
  const maker = await releaseMaker(world)
  const driver = await maker.driverAs({ routeLimitMs: 1 })
  const { signal } = new AbortController()
  const confirm = (target: Awaited<ReturnType<typeof targetWith>>) =>
    driver.confirmRoute?.(target, leaseOf(), signal)
  const targetWith = async (storeId: string, route: object) =>
    maker.targetOf(storeId, '', 'medusa', { route })
  const lacks = (message: string) => ({
    code: 'ROUTE_NOT_ACCEPTED',
    message: expect.stringContaining(message),
  })
  const routed = await targetWith(randomUUID(), { kind: 'httpRoute', parentRefs })
  const { release } = routed
  await driver.deploy(routed, leaseOf())

  const accepted = { type: 'Accepted', status: 'True', reason: 'Accepted' }
  await answerFor(release, { ...accepted, observedGeneration: 0 })
  await expect(confirm(routed)).rejects.toMatchObject(lacks('its newest version'))
  const unresolved = { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound' }
  await answerFor(release, accepted, unresolved)
  await expect(confirm(routed)).rejects.toMatchObject(lacks('ResolvedRefs False, BackendNotFound'))
  await answerFor(release, accepted)
  await expect(confirm(routed)).resolves.toMatchObject({ parents: 'gateway-system/public/https' })

  const ingress = await targetWith(randomUUID(), { kind: 'ingress' })
  await driver.deploy(ingress, leaseOf())
  await expect(confirm(ingress)).resolves.toEqual({ route: `Ingress/${ingress.release}-server` })
  const { request } = ingress
  const waiting = await targetWith(request.storeId, { kind: 'ingress', waitForAddress: true })
  await expect(confirm(waiting)).rejects.toMatchObject(
    lacks('no controller has given it an address'),
  )
  const path = `/apis/networking.k8s.io/v1/namespaces/${ingress.release}/ingresses/${ingress.release}-server/status`
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } }
  await cluster.api(path, { method: 'PATCH', contentType: MERGE, body: { status } })
  await expect(confirm(waiting)).resolves.toMatchObject({ address: '192.0.2.7' })

  const gone = await targetWith(randomUUID(), { kind: 'ingress' })
  await driver.deploy(
    { ...gone, values: (await maker.targetOf(gone.request.storeId)).values },
    leaseOf(),
  )
  await expect(confirm(gone)).rejects.toMatchObject(
    lacks(`There is no Ingress ${gone.release}-server`),
  )
})

test('a copied Secret follows the one of the installation, and one that somebody else made is left alone', async () => {
  await using world = await clusterWorld(cluster)
  const maker = await releaseMaker(world)
  const secretsDir = await secretsFolder(world, { pull: { a: '1' }, mail: { username: 'u' } })
  const driver = await maker.driverAs({ secretsDir })
  const given = {
    imagePullSecrets: [{ name: 'pull' }],
    woocommerce: { mail: { host: 'smtp.example.com', existingSecret: 'mail' } },
  }
  const target = await maker.targetOf(randomUUID(), '', 'woocommerce', given)
  const { release } = target
  const { signal } = new AbortController()
  await driver.deploy(target, leaseOf())
  const secrets = `/api/v1/namespaces/${release}/secrets`
  await cluster.api(`${secrets}/mail`, { method: 'DELETE' })
  const theirs = { metadata: { name: 'mail' }, stringData: { username: 'theirs' } }
  await cluster.api(secrets, { method: 'POST', body: theirs })

  await secretsFolder(world, { pull: { b: '2' } })
  const lost = { ...leaseOf(), confirm: () => Promise.reject(new Error('lost')) }
  await expect(driver.confirmRoute?.(target, lost, signal)).rejects.toThrow('lost')
  expect(await read(release, 'secrets', 'pull')).toMatchObject({ data: { a: b64('1') } })
  await driver.confirmRoute?.(target, leaseOf(), signal)

  expect(await read(release, 'secrets', 'pull')).toMatchObject({ data: { b: b64('2') } })
  expect(await read(release, 'secrets', 'mail')).toMatchObject({
    data: { username: b64('theirs') },
  })
})

const b64 = (text: string): string => Buffer.from(text).toString('base64')

type World = Awaited<ReturnType<typeof clusterWorld>>

/** The environment of an installation that says this of all stores. */
async function installed({ folder }: World, values: object): Promise<Record<string, string>> {
  const STORE_VALUES_FILE = join(folder, `${randomUUID()}.yaml`)
  await writeFile(STORE_VALUES_FILE, JSON.stringify(values))
  return { STORE_VALUES_FILE }
}

/** Secrets as Kubernetes mounts them: a folder each, a file for each key. */
async function secretsFolder(
  { folder }: World,
  secrets: Record<string, Record<string, string>>,
): Promise<string> {
  for (const [name, data] of Object.entries(secrets)) {
    const place = join(folder, 'secrets', name)
    await mkdir(join(place, '..data'), { recursive: true })
    for (const [key, value] of Object.entries(data)) await writeFile(join(place, key), value)
  }
  return join(folder, 'secrets')
}

async function read(namespace: string, kind: string, name: string): Promise<unknown> {
  const api = kind === 'secrets' ? '/api/v1' : '/apis/networking.k8s.io/v1'
  const { status, body } = await cluster.api(`${api}/namespaces/${namespace}/${kind}/${name}`)
  expect(status).toBe(200)
  return body
}

function untilStep(world: World, storeId: string, wanted: string): Promise<void> {
  return eventually(async () => {
    const steps = dataOf(await world.history(storeId), 'ProvisioningStepRecorded')
    expect(steps.map(({ step }) => step)).toContain(wanted)
  })
}

/** Says of the store's HTTPRoute what a Gateway's controller would. */
async function answerFor(release: string, ...said: object[]): Promise<void> {
  const path = `${GATEWAY}/namespaces/${release}/httproutes/${release}-server/status`
  const time = { lastTransitionTime: new Date().toISOString(), message: '' }
  const conditions = said.map((each) => ({ ...time, observedGeneration: 1, ...each }))
  const controllerName = 'example.com/gateway'
  const parents = parentRefs.map((parentRef) => ({ parentRef, controllerName, conditions }))
  const init = { method: 'PATCH', contentType: MERGE, body: { status: { parents } } }
  const { status, body } = await cluster.api(path, init)
  expect({ status, body }).toMatchObject({ status: 200 })
}
