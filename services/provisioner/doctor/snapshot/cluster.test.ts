import { hasCode, releaseNameOf } from '#domain'
import { expect, test } from 'vitest'
import type { Api } from '../../drivers/cluster/api/client.ts'
import { findNamespaces } from './cluster.ts'

const id = '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
const other = '9a1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d12'
const location = releaseNameOf(id)
const labels = { store: id, attempt: 2, claim: 'c1', values: 'v', chart: 'c' }

test('the newest record of a release tells what it is', async () => {
  const records = [recordOf('superseded', 9), recordOf('deployed', 10), recordOf('failed', 2)]
  expect(await find([namespaceOf(id)], records)).toEqual([
    { location, name: location, store: id, observed: { status: 'deployed', labels } },
  ])
})

test.each([
  ['pending-install', { status: 'pending', labels }],
  ['pending-upgrade', { status: 'pending', labels }],
  ['failed', { status: 'failed', detail: "helm's record says failed" }],
  ['', { status: 'failed', detail: "helm's record says no status" }],
  [
    'uninstalling',
    { status: 'uninstalling', by: 'release', detail: "helm's record says uninstalling" },
  ],
])('a record that is %s', async (status, observed) => {
  expect(await find([namespaceOf(id)], [recordOf(status)])).toMatchObject([{ store: id, observed }])
})

test('a namespace of a store without a record is prepared; one on its way out says since when', async () => {
  const deletionTimestamp = '2026-01-01T00:00:00Z'
  const ending = { ...namespaceOf(other), deletionTimestamp }
  expect(await find([namespaceOf(id), ending], [])).toMatchObject([
    { store: id, observed: { status: 'prepared' } },
    {
      store: other,
      observed: { status: 'uninstalling', detail: expect.stringContaining(deletionTimestamp) },
    },
  ])
})

test('a namespace with a name of ours and labels of nobody is unmanaged', async () => {
  const bare = { name: location, labels: { 'storewright.dev/store': id } }
  expect(await find([bare], [])).toMatchObject([
    { location, store: undefined, observed: { status: 'unmanaged' } },
  ])
  expect(await find([bare], [recordOf('deployed')])).toMatchObject([
    { location, store: id, observed: { status: 'unmanaged' } },
  ])
})

test.each([
  [{ 'cp.store': other }, other, `store ${other}`],
  [{ 'cp.store': '' }, id, 'no store'],
])(
  'a record that names another store than its namespace is unmanaged (%j)',
  async (change, store, owner) => {
    const detail = `helm's record names ${owner}, the namespace store ${id}`
    expect(await find([namespaceOf(id)], [recordOf('deployed', 1, change)])).toMatchObject([
      { location, store, observed: { status: 'unmanaged', detail } },
    ])
  },
)

test('a release of ours beside the own one, or in a namespace of others, is found', async () => {
  const beside = recordOf('deployed', 1, { name: 'copy' })
  const elsewhere = { ...recordOf('pending-install'), namespace: 'default' }
  const all = [recordOf('deployed'), beside, elsewhere]
  expect(await find([namespaceOf(id), { name: 'default' }], all)).toMatchObject([
    { location, name: location },
    { location, name: 'copy', store: id },
    { location: 'default', name: location, store: id, observed: { status: 'pending' } },
  ])
})

test('what others have in the cluster is left out', async () => {
  const theirs = { name: 'x', namespace: 'shop', labels: { name: 'shop', status: 'deployed' } }
  expect(await find([{ name: 'shop' }, { name: 's-hop' }], [theirs])).toEqual([])
})

test('a list of many pages is read to its end', async () => {
  const asked: (string | undefined)[] = []
  const api: Api = (path, { query } = {}) => {
    if (path !== '/api/v1/namespaces') return Promise.resolve(answer(null))
    asked.push(query?.['continue'])
    return Promise.resolve(
      query?.['continue'] === undefined
        ? answer([namespaceOf(id)], 'next')
        : answer([namespaceOf(other)]),
    )
  }
  const found = await findNamespaces(api)
  expect(found.map(({ store }) => store)).toEqual([id, other])
  expect(asked).toEqual([undefined, 'next'])
})

test('a list that is refused is an error, and no cluster without releases', async () => {
  const api: Api = () => Promise.resolve({ status: 403, body: { message: 'cannot list' } })
  const error = await findNamespaces(api).catch((reason: unknown) => reason)
  expect(hasCode(error, 'CLUSTER_REFUSED')).toBe(true)
  expect(String(error)).toContain('cannot list')
})

function find(namespaces: object[], records: object[]) {
  return findNamespaces((path) =>
    Promise.resolve(answer(path === '/api/v1/namespaces' ? namespaces : records)),
  )
}

function answer(metadata: object[] | null, next?: string) {
  const items = metadata?.map((one) => ({ metadata: one })) ?? null
  return { status: 200, body: { metadata: { continue: next }, items } }
}

function namespaceOf(storeId: string) {
  const ours = {
    'app.kubernetes.io/managed-by': 'storewright',
    'storewright.dev/store': storeId,
  }
  return { name: releaseNameOf(storeId), labels: ours }
}

function recordOf(status: string, version = 1, change: Record<string, string> = {}) {
  const made = { 'cp.store': id, 'cp.attempt': '2', 'cp.claim': 'c1' }
  const from = { 'cp.values': 'v', 'cp.chart': 'c' }
  const own = { owner: 'helm', name: location, status, version: String(version) }
  return {
    name: `sh.helm.release.v1.${location}.v${version}`,
    namespace: location,
    labels: { ...own, ...made, ...from, ...change },
  }
}
