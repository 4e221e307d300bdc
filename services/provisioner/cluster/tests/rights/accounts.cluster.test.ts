import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { licenceOf, releaseMaker } from '#test/cluster-release'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster-world'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'

const MERGE = 'application/merge-patch+json'
const NO_STORE = '/api/v1/namespaces/s-aaaaaaaaaaaaaaaaaaaaaaaaaa'
const signal = AbortSignal.timeout(600_000)

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

test('an account with all rights needs no keeper role', async () => {
  const driver = await maker.driverAs({ kubeconfig: cluster.kubeconfig, keeperRole: undefined })
  const target = await newTarget()

  await driver.deploy(target, licenceOf())

  expect(await driver.observe(target, signal)).toMatchObject({ status: 'deployed' })
})

test('an account without rights is told which request was refused', async () => {
  const kubeconfig = join(dirname(cluster.kubeconfig), 'restricted.kubeconfig')
  const driver = await maker.driverAs({ kubeconfig, keeperRole: undefined })
  const target = await newTarget()
  const refusal = (what: string) => ({
    code: 'CLUSTER_REFUSED',
    message: expect.stringMatching(new RegExp(`^${what}.* was answered with 403: `)),
  })

  await expect(driver.observe(target, signal)).rejects.toMatchObject(refusal('GET'))
  await expect(driver.deploy(target, licenceOf())).rejects.toMatchObject(refusal('POST'))
})

test('an account that loses a right in mid-work is told so, and helm does not run', async () => {
  const target = await newTarget()
  await maker.driver.deploy(target, licenceOf())
  const before = await maker.recordsOf(target.release)
  await using _ = await withoutPatch()

  await expect(maker.driver.deploy(target, licenceOf(2))).rejects.toMatchObject({
    code: 'CLUSTER_REFUSED',
    message: expect.stringContaining(`PATCH /api/v1/namespaces/${target.release} was answered`),
  })
  expect(await maker.recordsOf(target.release)).toEqual(before)
})

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

const newTarget = (): Promise<Target> => maker.targetOf(randomUUID())

/** Takes the right to change namespaces from the provisioner until it is disposed of. */
async function withoutPatch(): Promise<AsyncDisposable> {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/sw-provisioner'
  const before = rules.parse((await cluster.api(path)).body)
  const fewer = before.rules.map((rule) =>
    rule.resources.includes('namespaces')
      ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'patch') }
      : rule,
  )
  const put = (body: object) => cluster.api(path, { method: 'PATCH', contentType: MERGE, body })
  const untilAnswered = (wanted: number) =>
    eventually(async () => {
      const init = { method: 'PATCH', contentType: MERGE, body: {} }
      const token = cluster.provisionerToken
      const { status } = await cluster.api(NO_STORE, { ...init, token })
      expect(status).toBe(wanted)
    })
  await put({ rules: fewer })
  await untilAnswered(403)
  return {
    [Symbol.asyncDispose]: async () => {
      await put(before)
      await untilAnswered(404)
    },
  }
}

async function written(kubeconfig: string): Promise<string> {
  const file = join(world.folder, `${randomUUID()}.kubeconfig`)
  await writeFile(file, kubeconfig)
  return file
}
