import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { testCluster } from '#test/cluster/test-cluster'
import { testNamespace } from '#test/cluster/test-namespace'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

const tokenRequest = z.object({ status: z.object({ token: z.string() }) })
const created = z.object({ metadata: z.object({ uid: z.string() }) })
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' }
const privileged = pod('pod', { securityContext: { privileged: true } })
let cluster: Awaited<ReturnType<typeof testCluster>>

beforeAll(async () => {
  cluster = await testCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('the API server', () => {
  test('answers with the version it was built from', async () => {
    const { status, body } = await cluster.api('/version')

    expect(status).toBe(200)
    expect(body).toMatchObject({ major: '1', minor: '36', gitVersion: 'v1.36.3' })
  })

  test('knows the user without rights and lets it read nothing', async () => {
    const answer = await cluster.api('/api/v1/secrets', { token: cluster.restrictedToken })

    expect(answer.status).toBe(403)
    expect(answer.body).toMatchObject({
      message: expect.stringContaining('"storewright-restricted" cannot list resource "secrets"'),
    })
  })

  test('refuses a token it did not give', async () => {
    const { status } = await cluster.api('/api/v1/secrets', { token: 'made-up' })

    expect(status).toBe(401)
  })

  test('lets that user do what a role binding allows, in that namespace alone', async () => {
    const [granted, other] = [await testNamespace(cluster.api), await testNamespace(cluster.api)]
    const subject = { kind: 'User', name: 'storewright-restricted' }
    await granted.create('apis/rbac.authorization.k8s.io/v1/rolebindings', {
      metadata: { name: 'edit' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [subject],
    })
    const token = cluster.restrictedToken
    const read = ({ pathOf }: typeof granted) => cluster.api(pathOf('api/v1/secrets'), { token })

    await eventually(async () => expect((await read(granted)).status).toBe(200))

    expect((await read(other)).status).toBe(403)
  })
})

describe('secrets', () => {
  test('of the cluster are readable by its user alone', async () => {
    const folder = dirname(cluster.kubeconfig)
    const names = ['kubeconfig', 'restricted.kubeconfig', 'tokens.csv', 'service-account.key']

    const modes = names.map(async (name) => (await stat(join(folder, name))).mode & 0o777)

    expect(await Promise.all(modes)).toEqual(names.map(() => 0o600))
  })

  test('a token bound to a Secret is good while the Secret is there, and refused once it is gone', async () => {
    const namespace = await testNamespace(cluster.api)
    const secret = await namespace.create('api/v1/secrets', { metadata: { name: 'claim-1' } })
    const { uid } = created.parse(secret).metadata
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: 'claim-1', uid }
    const answer = await namespace.create('api/v1/serviceaccounts/default/token', {
      spec: { boundObjectRef, expirationSeconds: 600 },
    })
    const { token } = tokenRequest.parse(answer).status
    const asHolder = async () => (await cluster.api('/version', { token })).status
    expect(await asHolder()).toBe(200)

    await cluster.api(namespace.pathOf('api/v1/secrets/claim-1'), { method: 'DELETE' })

    const since = performance.now()
    await eventually(async () => expect(await asHolder()).toBe(401), { timeoutMs: 60_000 })
    // For the reader: it decides how long a take-over has to wait.
    process.stdout.write(`refused after ${((performance.now() - since) / 1_000).toFixed(1)} s\n`)
  })
})

describe('admission', () => {
  test('refuses a privileged pod where Pod Security asks for restricted', async () => {
    const namespace = await testNamespace(cluster.api, RESTRICTED)

    const { status, body } = await namespace.post('api/v1/pods', privileged)

    expect(status).toBe(403)
    expect(body).toMatchObject({
      message: expect.stringContaining('violates PodSecurity "restricted:latest": privileged'),
    })
  })

  test('admits the same pod where nothing is asked for', async () => {
    const namespace = await testNamespace(cluster.api)

    const { status } = await namespace.post('api/v1/pods', privileged)

    expect(status).toBe(201)
  })

  test('refuses the pod that goes beyond the quota of its namespace', async () => {
    const namespace = await testNamespace(cluster.api)
    const quotas = 'api/v1/resourcequotas'
    await namespace.create(quotas, { metadata: { name: 'q' }, spec: { hard: { pods: '1' } } })
    await eventually(async () => {
      expect((await namespace.get(`${quotas}/q`)).body).toMatchObject({ status: { used: {} } })
    })
    await namespace.create('api/v1/pods', pod('first'))

    const { status, body } = await namespace.post('api/v1/pods', pod('second'))

    expect(status).toBe(403)
    expect(body).toMatchObject({ message: expect.stringContaining('exceeded quota: q') })
  })

  test('takes an HTTPRoute as the Gateway API defines it, and no other shape', async () => {
    const namespace = await testNamespace(cluster.api)
    const route = (name: string, host: string) => ({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name },
      spec: { hostnames: [host] },
    })
    const routes = 'apis/gateway.networking.k8s.io/v1/httproutes'
    await namespace.create(routes, route('good', 'shop.example.com'))

    const { status } = await namespace.post(routes, route('bad', 'not a host'))

    expect(status).toBe(422)
  })
})

function pod(name: string, container: object = {}) {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i', ...container }] } }
}
