import { eventually } from '#test/eventually'
import { testCluster } from '#test/cluster/test-cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { deployPath } from '../rendering/render-chart.ts'
import { runHelm } from '../rendering/run-helm.ts'
import { matrix, storeValues } from '../rendering/store-values.ts'
import { renderChart } from '../rendering/render-chart.ts'
import type { Cluster } from './store-release.ts'

const STORE = 's-aaaaaaaaaaaaaaaaaaaaaaaaaa'
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
let cluster: Cluster
let platform: string
let token: string

beforeAll(async () => {
  cluster = await testCluster()
  platform = await cluster.namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  const values = deployPath('charts', 'storewright', 'ci', 'example-values.yaml')
  const chart = deployPath('charts', 'storewright')
  const args = ['install', 'sw', chart, '--namespace', platform, '--values', values]
  await runHelm({ args, kubeconfig: cluster.kubeconfig })
  token = await tokenOf(platform, 'sw-provisioner')
  // The policy guards from a moment after it was made.
  await eventually(async () => {
    const status = await asProvisioner(create('namespaces', 'foo'))
    if (status !== 422) throw new Error(`a namespace that is no store was answered with ${status}`)
  })
  await asProvisioner(create('namespaces', STORE))
  await asProvisioner(bind(STORE, 'namespace', 'sw-store-namespace', [platform, 'sw-provisioner']))
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('the provisioner', () => {
  test.each<[string, () => Request]>([
    ['an account for the release', () => create(`namespaces/${STORE}/serviceaccounts`, 'release')],
    ['the right to edit for it', () => bind(STORE, 'release', 'edit', [STORE, 'release'])],
    ['a Secret', () => create(`namespaces/${STORE}/secrets`, 'claim-1')],
    ['a quota', () => create(`namespaces/${STORE}/resourcequotas`, 'plan')],
    ['limits', () => create(`namespaces/${STORE}/limitranges`, 'plan')],
    [
      'a policy',
      () =>
        create(`namespaces/${STORE}/networkpolicies`, 'deny', NETWORKING, {
          spec: { podSelector: {} },
        }),
    ],
  ])('makes %s in the namespace of a store', async (_, request) => {
    await eventually(async () => expect(await asProvisioner(request())).toBe(201))
  })

  test.each(['secrets', 'pods', 'events', 'persistentvolumeclaims'])(
    'reads the %s of a store',
    async (kind) => {
      const path = `/api/v1/namespaces/${STORE}/${kind}`
      await eventually(async () => expect(await asProvisioner({ path })).toBe(200))
    },
  )

  test('looks whether a volume is gone', async () => {
    expect(await asProvisioner({ path: '/api/v1/persistentvolumes/none' })).toBe(404)
  })

  test.each<[string, () => Request, number]>([
    ['list the volumes of all', () => ({ path: '/api/v1/persistentvolumes' }), 403],
    ['remove a volume', () => ({ path: '/api/v1/persistentvolumes/none', method: 'DELETE' }), 403],
    ['make a namespace that is no store', () => create('namespaces', 'other'), 422],
    [
      'remove a namespace that is no store',
      () => ({ path: `/api/v1/namespaces/${platform}`, method: 'DELETE' }),
      422,
    ],
    ['list the namespaces of all', () => ({ path: '/api/v1/namespaces' }), 403],
    [
      'change what the release made',
      () => ({ path: `/apis/apps/v1/namespaces/${STORE}/deployments/x`, method: 'DELETE' }),
      403,
    ],
    ['enter a pod', () => ({ path: `/api/v1/namespaces/${STORE}/pods/x/exec` }), 403],
    ['read the Secrets of all', () => ({ path: '/api/v1/secrets' }), 403],
    [
      'read the Secrets of the platform',
      () => ({ path: `/api/v1/namespaces/${platform}/secrets` }),
      403,
    ],
    [
      'let itself into the platform',
      () => bind(platform, 'x', 'edit', [platform, 'sw-provisioner']),
      422,
    ],
    [
      'let itself into the cluster',
      () => bind('kube-system', 'x', 'sw-store-namespace', [platform, 'sw-provisioner']),
      422,
    ],
    ['make an administrator of a store', () => bind(STORE, 'x', 'admin', [STORE, 'release']), 403],
    [
      'let another service into a store',
      () => bind(STORE, 'x', 'edit', [platform, 'sw-relay']),
      422,
    ],
    [
      'let a foreign account into a store',
      () => bind(STORE, 'x', 'edit', ['default', 'default']),
      422,
    ],
    ['run a pod', () => create(`namespaces/${STORE}/pods`, 'x'), 403],
    ['make a role', () => create('clusterroles', 'x', RBAC, { rules: [] }), 403],
  ])('cannot %s', async (_, request, status) => {
    expect(await asProvisioner(request())).toBe(status)
  })
})

test('the account of a release may make, change and remove every object of every chart', async () => {
  const objects = await Promise.all(
    matrix.map(({ engine, plan, route }) => renderChart(engine, storeValues({ plan, route }))),
  )
  const kinds = new Set(objects.flat().map(({ apiVersion, kind }) => `${apiVersion} ${kind}`))
  const verbs = ['create', 'get', 'list', 'watch', 'patch', 'delete']
  const refused = []
  for (const each of [...kinds, 'v1 Secret'])
    for (const verb of verbs) if (!(await releaseMay(verb, each))) refused.push(`${verb} ${each}`)
  expect(refused).toEqual([])
})

interface Request {
  path: string
  method?: string
  body?: unknown
}

const NETWORKING = '/apis/networking.k8s.io/v1'

function create(place: string, name: string, api = '/api/v1', rest: object = {}): Request {
  return { path: `${api}/${place}`, method: 'POST', body: { metadata: { name }, ...rest } }
}

function bind(namespace: string, name: string, role: string, account: [string, string]): Request {
  const [accountNamespace, accountName] = account
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role }
  const subjects = [{ kind: 'ServiceAccount', name: accountName, namespace: accountNamespace }]
  return create(`namespaces/${namespace}/rolebindings`, name, RBAC, { roleRef, subjects })
}

async function asProvisioner({ path, ...init }: Request): Promise<number> {
  return (await cluster.api(path, { ...init, token })).status
}

async function tokenOf(namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const { body } = await cluster.api(path, { method: 'POST', body: { spec: {} } })
  return z.object({ status: z.object({ token: z.string() }) }).parse(body).status.token
}

async function releaseMay(verb: string, apiVersionAndKind: string): Promise<boolean> {
  const [apiVersion = '', kind = ''] = apiVersionAndKind.split(' ')
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
  const resource = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies').replace(/sss$/, 'sses')
  const resourceAttributes = { namespace: STORE, verb, group, resource }
  const { body } = await cluster.api('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    method: 'POST',
    body: { spec: { user: `system:serviceaccount:${STORE}:release`, resourceAttributes } },
  })
  return z.object({ status: z.object({ allowed: z.boolean() }) }).parse(body).status.allowed
}
