import { existsSync } from 'node:fs'
import { chmod, cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf } from '#domain'
import { clusterWorld, platformCluster, type PlatformCluster } from '#test/cluster-world'
import { releaseMaker } from '#test/cluster-release'
import { eventually } from '#test/eventually'
import { dataOf, untilLast } from '#test/store-history'
import { afterAll, beforeAll, expect, test } from 'vitest'

type World = Awaited<ReturnType<typeof clusterWorld>>

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
  })
  const storeId = await world.request()
  const { recordsOf } = await releaseMaker(world)
  const release = releaseNameOf(storeId)
  const [helmPid = 0] = await eventually(async () => {
    expect((await recordsOf(release))[0]?.labels['status']).toBe('pending-install')
    const pids = await helm.pids('upgrade')
    expect(pids).toHaveLength(1)
    return pids
  })
  const pids = [frozen.pid, await parentOf(helmPid), helmPid]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')

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

  expect(said).toMatch(/Unauthorized|the server has asked for the client to provide credentials/)
  expect(await recordsOf(release)).toEqual(before)
  expect(before[0]?.labels).toMatchObject({ status: 'deployed', 'cp.attempt': '2' })
  expect(await objectsOf(release)).toEqual(objectsBefore)
  const steps = dataOf(events, 'ProvisioningStepRecorded').map(({ step }) => step)
  expect(steps).toEqual(['repair', 'install'])
})

async function brokenCharts(world: World): Promise<string> {
  const charts = join(world.folder, 'broken-charts')
  const own = new URL('../../../../deploy/charts', import.meta.url).pathname
  for (const engine of ['woocommerce', 'medusa']) {
    await cp(join(own, engine), join(charts, engine), { recursive: true })
    const file = join(charts, engine, 'values.yaml')
    const values = await readFile(file, 'utf8')
    await writeFile(file, values.replace(/server: .*/, 'server: sim.invalid/neverready:1'))
  }
  return charts
}

/** Real helm, whose standard error can be read after its end. */
async function watchedHelm(world: World) {
  const folder = join(world.folder, 'watched')
  const executable = `${folder}-helm`
  const script = `#!/bin/sh
echo "$1" > ${folder}.$$.command
exec ${world.environment.HELM_BIN} "$@" 2> ${folder}.$$.stderr
`
  await writeFile(executable, script)
  await chmod(executable, 0o755)
  const read = (pid: number, what: string) => readFile(`${folder}.${pid}.${what}`, 'utf8')
  return {
    executable,
    stderrOf: (pid: number) => read(pid, 'stderr'),
    pids: async (command: string): Promise<number[]> => {
      const names = await readdir(world.folder)
      const pids = names.flatMap((name) => /^watched\.(\d+)\.command$/.exec(name)?.[1] ?? [])
      const commands = await Promise.all(pids.map((pid) => read(Number(pid), 'command')))
      return pids.filter((_, index) => commands[index]?.trim() === command).map(Number)
    },
  }
}

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
