import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { AppError, releaseNameOf } from '#domain'
import {
  brokenCharts,
  clusterWorld,
  platformCluster,
  type PlatformCluster,
} from '#test/cluster/cluster-world'
import { watchedHelm } from '#test/cluster/cluster-helm'
import { leaseOf, neverReady, releaseMaker } from '#test/cluster/cluster-release'
import { eventually } from '#test/eventually'
import { freezeProcess } from '#test/freeze-process'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'

let cluster: PlatformCluster

beforeAll(async () => {
  cluster = await platformCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('F19: helm of attempt 1 and its provisioner freeze, attempt 2 completes, thawed helm is refused by the API server', async () => {
  await using world = await clusterWorld(cluster)
  const helm = await watchedHelm(world)
  const frozen = await world.startProvisioner({
    HELM_BIN: helm.executable,
    CHARTS_DIR: await brokenCharts(world),
    // Where it was frozen in its wait, it may do nothing that could be refused before that is over.
    HELM_LIMIT_MS: '60000',
  })
  const storeId = await world.request()
  const { recordsOf } = await releaseMaker(world)
  const release = releaseNameOf(storeId)
  const helmPid = await eventually(async () => {
    expect((await recordsOf(release))[0]?.labels['status']).toBe('pending-install')
    const [run] = await helm.runs('upgrade', release)
    return run?.pid ?? 0
  })
  const pids = [frozen.pid, await parentOf(helmPid), helmPid]
  for (const pid of pids) freezeProcess(pid)

  await world.startProvisioner()
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const before = await recordsOf(release)
  const objectsBefore = await objectsOf(release)
  process.kill(helmPid, 'SIGCONT')
  const said = await eventually(
    async () => {
      expect(await hasEnded(helmPid)).toBe(true)
      return helm.stderrOf(helmPid)
    },
    { timeoutMs: 60_000 },
  )
  for (const pid of pids.slice(0, 2)) process.kill(pid, 'SIGCONT')

  // Where its wait ended first, it does not print that its last write, of a failed release, was refused.
  expect(said).toMatch(
    /Unauthorized|the server has asked for the client to provide credentials|deadline exceeded/,
  )
  expect(await recordsOf(release)).toEqual(before)
  expect(before[0]?.labels).toMatchObject({ status: 'deployed', 'cp.attempt': '2' })
  expect(await objectsOf(release)).toEqual(objectsBefore)
  const steps = dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)
  expect(steps).toEqual(['unlock', 'install'])
})

test('a worker that has lost its claim unlocks nothing and removes nothing', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf, cutOff, upgradeArgs, recordsOf, helm } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  const { release } = target
  await driver.deploy(target, leaseOf())
  const args = await upgradeArgs(await targetOf(target.request.storeId, neverReady))
  await cutOff(args, { release, status: 'pending-upgrade' })
  const before = await recordsOf(release)
  const error = new AppError('CLAIM_LOST', 'taken over')
  const lost = { ...leaseOf(2), confirm: () => Promise.reject(error) }

  await expect(driver.unlock(target, lost)).rejects.toThrow(error)
  expect(await recordsOf(release)).toEqual(before)

  await helm(['uninstall', release, '--namespace', release])
  await expect(driver.uninstall(target, lost)).rejects.toThrow(error)
  const path = `/api/v1/namespaces/${release}/persistentvolumeclaims`
  const claims = JSON.stringify((await cluster.api(path)).body)
  expect(claims).toContain(`${release}-database`)
  expect(claims).not.toContain('deletionTimestamp')
})

test('F34: a claim of the same number, left from before the log was restored, is fenced off as any other', async () => {
  await using world = await clusterWorld(cluster)
  const { driver, targetOf } = await releaseMaker(world)
  const target = await targetOf(randomUUID())
  await driver.deploy(target, leaseOf())
  const path = `/api/v1/namespaces/${target.release}/secrets`
  const lease = leaseOf(2)
  const labels = { 'storewright.dev/claim': randomUUID() }
  await cluster.api(path, { method: 'POST', body: { metadata: { name: 'claim-2', labels } } })

  await driver.fence(target, lease)

  const { body } = await cluster.api(`${path}?labelSelector=storewright.dev/claim`)
  expect(body).toMatchObject({ items: [] })
})

async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

const parentOf = async (pid: number): Promise<number> => Number((await statOf(pid))[1])

/** True when it is gone, or its frozen parent has not asked for its end yet. */
async function hasEnded(pid: number): Promise<boolean> {
  return !existsSync(`/proc/${pid}`) || (await statOf(pid))[0] === 'Z'
}

async function objectsOf(release: string): Promise<unknown> {
  const kinds = ['deployments', 'statefulsets']
  const answers = kinds.map((kind) => cluster.api(`/apis/apps/v1/namespaces/${release}/${kind}`))
  return (await Promise.all(answers)).map(({ body }) =>
    JSON.stringify(body).match(/"image":"[^"]*"/g),
  )
}
