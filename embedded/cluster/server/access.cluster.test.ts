import { testCluster } from '#test/test-cluster'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' }
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
    const [granted, other] = [await cluster.namespace(), await cluster.namespace()]
    const subject = { kind: 'User', name: 'storewright-restricted' }
    await create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${granted}/rolebindings`, {
      metadata: { name: 'edit' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [subject],
    })
    const read = (namespace: string) =>
      cluster.api(`/api/v1/namespaces/${namespace}/secrets`, { token: cluster.restrictedToken })

    await eventually(async () => expect((await read(granted)).status).toBe(200))

    expect((await read(other)).status).toBe(403)
  })
})

describe('admission', () => {
  test('refuses a privileged pod where Pod Security asks for restricted', async () => {
    const namespace = await cluster.namespace(RESTRICTED)

    const { status, body } = await cluster.api(`/api/v1/namespaces/${namespace}/pods`, {
      method: 'POST',
      body: pod({ securityContext: { privileged: true } }),
    })

    expect(status).toBe(403)
    expect(body).toMatchObject({
      message: expect.stringContaining('violates PodSecurity "restricted:latest": privileged'),
    })
  })

  test('admits the same pod where nothing is asked for', async () => {
    const namespace = await cluster.namespace()

    const { status } = await cluster.api(`/api/v1/namespaces/${namespace}/pods`, {
      method: 'POST',
      body: pod({ securityContext: { privileged: true } }),
    })

    expect(status).toBe(201)
  })

  test('refuses the pod that goes beyond the quota of its namespace', async () => {
    const namespace = await cluster.namespace()
    const quotas = `/api/v1/namespaces/${namespace}/resourcequotas`
    await create(quotas, { metadata: { name: 'q' }, spec: { hard: { pods: '1' } } })
    await eventually(async () => {
      expect((await cluster.api(`${quotas}/q`)).body).toMatchObject({ status: { used: {} } })
    })
    await create(`/api/v1/namespaces/${namespace}/pods`, pod({}, 'first'))

    const { status, body } = await cluster.api(`/api/v1/namespaces/${namespace}/pods`, {
      method: 'POST',
      body: pod({}, 'second'),
    })

    expect(status).toBe(403)
    expect(body).toMatchObject({ message: expect.stringContaining('exceeded quota: q') })
  })

  test('takes an HTTPRoute as the Gateway API defines it, and no other shape', async () => {
    const namespace = await cluster.namespace()
    const routes = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`
    await create(routes, { metadata: { name: 'good' }, spec: { hostnames: ['shop.example.com'] } })

    const { status } = await cluster.api(routes, {
      method: 'POST',
      body: { ...kinds(routes), metadata: { name: 'bad' }, spec: { hostnames: ['not a host'] } },
    })

    expect(status).toBe(422)
  })
})

function pod(container: object, name = 'pod') {
  return { metadata: { name }, spec: { containers: [{ name: 'c', image: 'i', ...container }] } }
}

async function create(path: string, body: object): Promise<void> {
  const answer = await cluster.api(path, { method: 'POST', body: { ...kinds(path), ...body } })
  if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
}

// Where a kind is not built in, the server does not know it from the path.
function kinds(path: string): object {
  if (!path.endsWith('httproutes')) return {}
  return { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' }
}
