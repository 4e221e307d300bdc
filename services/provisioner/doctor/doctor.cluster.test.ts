import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { leaseOf, neverReady, releaseMaker } from '#test/cluster/cluster-release'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster/cluster-world'
import { eventually } from '#test/eventually'
import { untilLast } from '#test/store-history'
import { load } from 'js-yaml'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { kubeconfig } from '../../../tools/cluster/control-plane/credentials.ts'
import { runDoctor } from './run-doctor.ts'

type World = Awaited<ReturnType<typeof clusterWorld>>

const clusterRole = z.looseObject({ metadata: z.object({ name: z.string() }) })

let cluster: PlatformCluster
let world: World
/** The doctor's own kubeconfig. */
let own: string
let maker: Awaited<ReturnType<typeof releaseMaker>>

beforeAll(async () => {
  cluster = await platformCluster()
  world = await clusterWorld(cluster)
  maker = await releaseMaker(world)
  own = await doctorsKubeconfig()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

test('real releases: what is as it should be is not named, and each fault is', async () => {
  const provisioner = await world.startProvisioner()
  const ready = await provision()
  const drifted = await provision()
  const missing = await provision()
  await provisioner[Symbol.asyncDispose]()
  const target = await maker.targetOf(drifted, 'imagePullSecrets: []\n')
  await maker.driver.deploy(target, leaseOf(2))
  const uninstall = ['uninstall', releaseNameOf(missing), '--namespace', releaseNameOf(missing)]
  expect((await maker.helm(uninstall)).exitCode).toBe(0)
  const unknown = randomUUID()
  await maker.driver.deploy(await maker.targetOf(unknown), leaseOf())
  const failed = await cutOffStore()

  const { exitCode, findings } = await doctor('--json')

  expect(findings.map(({ id }) => id)).toEqual([
    `abandoned-release:${releaseNameOf(failed)}`,
    `drifted-release:${releaseNameOf(drifted)}`,
    `missing-release:${releaseNameOf(missing)}`,
    `orphan-release:${releaseNameOf(unknown)}`,
  ])
  expect(JSON.stringify(findings)).not.toContain(ready)
  expect(exitCode).toBe(1)
})

test('a cut-off run is repaired: the store is asked for again and becomes ready', async () => {
  const storeId = await cutOffStore()
  const id = `abandoned-release:${releaseNameOf(storeId)}`

  await doctor('--json', '--repair', id)
  await using provisioner = await world.startProvisioner()
  await world.notify(storeId)

  await untilLast(world, storeId, 'StoreProvisioned')
  const { findings } = await doctor('--json')
  expect(findings.map((finding) => finding.id)).not.toContain(id)
  expect(provisioner.pid).toBeGreaterThan(0)
})

test('an account that may not list says so, and gives no report', async () => {
  const { exitCode, stdout, stderr } = await doctorAs(world.environment.KUBECONFIG)
  expect(stderr).toContain('is forbidden')
  expect([exitCode, stdout]).toEqual([2, ''])
})

interface Found {
  findings: { id: string; kind: string; storeId?: string }[]
}

async function doctor(...args: string[]) {
  const { exitCode, stdout } = await doctorAs(own, args)
  const { findings }: Found = JSON.parse(stdout)
  return { exitCode, findings }
}

async function doctorAs(account: string, args: string[] = []) {
  let stdout = ''
  let stderr = ''
  const env = { EVENTSTORE_URL: world.log.url, DRIVER: 'cluster', KUBECONFIG: account }
  const exitCode = await runDoctor(args, env, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  })
  return { exitCode, stdout, stderr }
}

async function provision(): Promise<string> {
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  return storeId
}

/** A store given up by the log, with a run of helm cut off. */
async function cutOffStore(): Promise<string> {
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const claimId = await world.claim(storeId)
  const failure = { reason: 'HELM_FAILED', retryable: false, detail: 'x', nextAction: 'y' } as const
  const now = new Date().toISOString()
  await world.send(storeId, { type: 'FailAttempt', claimId, failure, retryDelaysMs: [], now })
  const target = await maker.targetOf(storeId)
  const { release } = target
  await maker.driver.deploy(target, leaseOf())
  const endless = await maker.upgradeArgs(await maker.targetOf(storeId, neverReady))
  await maker.cutOff(endless, { release, status: 'pending-upgrade' })
  return storeId
}

/** A kubeconfig with the rights docs/operations.md names, and no other. */
async function doctorsKubeconfig(): Promise<string> {
  const docs = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const [, role = ''] = /## Doctor[^]*?```yaml\n([^]*?)```/.exec(docs) ?? []
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const body = clusterRole.parse(load(role))
  await cluster.api(`${rbac}/clusterroles`, { method: 'POST', body })
  const { name } = body.metadata
  const subjects = [{ kind: 'User', name: 'storewright-restricted' }]
  const roleRef = { kind: 'ClusterRole', name, apiGroup: 'rbac.authorization.k8s.io' }
  const binding = { metadata: { name }, roleRef, subjects }
  await cluster.api(`${rbac}/clusterrolebindings`, { method: 'POST', body: binding })
  const { url, ca, restrictedToken: token } = cluster
  // The API server needs a moment to see a binding.
  await eventually(async () => {
    expect((await cluster.api('/api/v1/secrets', { token })).status).toBe(200)
    expect((await cluster.api('/api/v1/namespaces', { token })).status).toBe(200)
  })
  const file = join(world.folder, 'doctor.kubeconfig')
  await writeFile(file, kubeconfig({ url, ca, token }), { mode: 0o600 })
  return file
}
