import { readFile } from 'node:fs/promises'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { recordedLife, type Recorded } from '#test/cluster/rights/recorded-life'
import { isNeededBy, makes, rightsOf, rulesOf, type Right } from '#test/cluster/rights/right'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'
const ACCOUNT = 'system:serviceaccount:storewright:sw-provisioner'
const merge = 'application/merge-patch+json'
const apply = 'application/apply-patch+yaml'

let cluster: PlatformCluster
let granted: Right[]
let life: Awaited<ReturnType<typeof recordedLife>>

beforeAll(async () => {
  cluster = await platformCluster()
  await using world = await clusterWorld(cluster)
  const roles = ['sw-provisioner', 'sw-store-namespace'].map((name) =>
    read(`${RBAC}/clusterroles/${name}`),
  )
  granted = (await Promise.all(roles)).flatMap(rightsOf)
  life = await recordedLife(world)
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('each right of the provisioner is needed: without it an operation is refused by the API server', async () => {
  const verdicts: string[] = []
  // The namespace may go with the last one.
  const inOrder = granted.toSorted((a, b) => Number(endsAll(a)) - Number(endsAll(b)))
  for (const right of inOrder) {
    const [sent] = usesOf(right).toSorted((a, b) => Number(makes(b)) - Number(makes(a)))
    const answer = sent === undefined ? 'used by nothing' : await answerWithout(right, sent)
    verdicts.push(`${nameOf(right)}: ${answer}`)
  }

  expect(verdicts).toEqual(inOrder.map((right) => `${nameOf(right)}: 403`))
  process.stdout.write(`${verdicts.length} rights, each refused when it was taken away\n`)
})

test('docs/deployment.md says of each right which operations need it', async () => {
  const docs = await readFile(new URL('../../../../../docs/deployment.md', import.meta.url), 'utf8')
  const rows = docs.split('\n').flatMap((line) => {
    const [, role, resource, verbs, operations] = line.split('|').map((cell) => cell.trim())
    return role?.startsWith('`…-') ? [[role, resource, verbs, operations].join(' | ')] : []
  })
  expect(rows).toEqual(rowsOf())
})

function usesOf(right: Right): Recorded[] {
  return life.sent.filter((sent) => isNeededBy(right, sent))
}

/** The answer to the same request for another store when the provisioner lacks that one right. */
async function answerWithout(right: Right, sent: Recorded): Promise<number> {
  const path = elsewhere(sent.path)
  const own = granted.filter(({ role }) => role === right.role)
  await bindNamespaceRole()
  await untilAllowed(right, true)
  // What is applied is made only where it is not there.
  if (sent.method === 'PATCH' && makes(sent)) await cluster.api(path, { method: 'DELETE' })
  await grant(
    right.role,
    own.filter((each) => each !== right),
  )
  await untilAllowed(right, false)
  const init = { method: sent.method, token: cluster.provisionerToken }
  const body = sent.body && JSON.parse(elsewhere(JSON.stringify(sent.body)))
  const isApplied = sent.method === 'PATCH' && body.apiVersion !== undefined
  const contentType = sent.method !== 'PATCH' ? 'application/json' : isApplied ? apply : merge
  const query = isApplied ? '?fieldManager=storewright&force=true' : ''
  const { status } = await cluster.api(path + query, { ...init, body, contentType })
  await grant(right.role, own)
  return status
}

const elsewhere = (text: string): string => text.replaceAll(life.release, life.other)

async function grant(role: string, rights: Right[]): Promise<void> {
  const body = { rules: rulesOf(rights) }
  const path = `${RBAC}/clusterroles/${role}`
  expect((await cluster.api(path, { method: 'PATCH', contentType: merge, body })).status).toBe(200)
}

/** The provisioner's own binding, which the loop takes away too. */
async function bindNamespaceRole(): Promise<void> {
  const roleRef = {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'sw-store-namespace',
  }
  const subjects = [{ kind: 'ServiceAccount', namespace: 'storewright', name: 'sw-provisioner' }]
  const path = `${RBAC}/namespaces/${life.other}/rolebindings`
  const body = { metadata: { name: 'storewright' }, roleRef, subjects }
  expect([201, 409]).toContain((await cluster.api(path, { method: 'POST', body })).status)
}

const review = z.object({ status: z.object({ allowed: z.boolean() }) })

async function untilAllowed(
  { group, resource, verb, name }: Right,
  wanted: boolean,
): Promise<void> {
  const [kind, subresource] = resource.split('/')
  const resourceAttributes = {
    namespace: life.other,
    group,
    resource: kind,
    subresource,
    verb,
    name,
  }
  const body = { spec: { user: ACCOUNT, resourceAttributes } }
  await eventually(async () => {
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    const answer = await cluster.api(path, { method: 'POST', body })
    expect(review.parse(answer.body).status.allowed).toBe(wanted)
  })
}

async function read(path: string): Promise<unknown> {
  const { status, body } = await cluster.api(path)
  expect(status).toBe(200)
  return body
}

/** One row for each resource of each role, as the docs have it. */
function rowsOf(): string[] {
  const rows = Map.groupBy(
    granted,
    ({ role, resource }) => `\`${role.replace('sw-', '…-')}\` | ${resource}`,
  )
  return [...rows].map(([subject, rights]) => {
    const verbs = new Set(rights.map(({ verb, name }) => (name ? `${verb} ${name}` : verb)))
    const used = rights.flatMap(usesOf)
    const operations = new Set(
      life.sent.filter((sent) => used.includes(sent)).map(({ operation }) => operation),
    )
    return `${subject} | ${[...verbs].join(', ').replaceAll('sw-', '…-')} | ${[...operations].join(', ')}`
  })
}

const nameOf = ({ role, verb, resource, name = '' }: Right): string =>
  `${role}: ${verb} ${resource} ${name}`.trim()

const endsAll = ({ verb, resource }: Right): boolean =>
  verb === 'delete' && resource === 'namespaces'
