import { randomUUID } from 'node:crypto'
import {
  access,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError, releaseNameOf, type StoreRequested } from '#domain'
import { helmStub } from '#test/provisioner/helm-stub'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { openHelm } from '../../helm/helm.ts'
import type { ClaimLease, Target } from '../../reconcile/driver.ts'
import { readChart } from '../../chart.ts'
import { installationValues } from '../../installation.ts'
import { storeValues } from '../../values.ts'
import { openRenderDriver } from './driver.ts'

const chartsDir = fileURLToPath(new URL('../../../../deploy/charts', import.meta.url))
const { signal } = new AbortController()

test('a render appears whole: its manifests, and a record of whose they are', async () => {
  await using world = await rendering()
  const { driver, target, folder } = world
  expect(await driver.observe(target)).toEqual({ status: 'absent' })

  const lease = leaseOf()
  expect(await driver.deploy(target, lease)).toMatchObject({ code: 0 })

  const labels = {
    store: target.request.storeId,
    attempt: 1,
    claim: lease.claimId,
    values: target.values.digest,
    chart: target.chart.digest,
  }
  expect(await driver.observe(target)).toEqual({ status: 'deployed', labels })
  expect(await readdir(folder)).toEqual(['manifests.yaml', 'release.json'])
  expect((await stat(join(folder, 'manifests.yaml'))).mode & 0o777).toBe(0o644)
  expect(await readdir(world.staging)).toEqual([])
})

test('a helm that fails leaves nothing where the release would be', async () => {
  await using world = await rendering({ exitCode: 1 })
  await world.driver.deploy(world.target, leaseOf())
  await expect(access(world.folder)).rejects.toThrow('ENOENT')
  expect(await readdir(world.staging)).toEqual([])
})

test('a chart that renders no route does not pass for one that does', async () => {
  await using world = await rendering()
  const target = await targetOf({ route: { kind: 'ingress' } })
  await world.driver.deploy(target, leaseOf())

  await expect(world.driver.confirmRoute?.(target, leaseOf(), signal)).rejects.toMatchObject({
    code: 'ROUTE_NOT_ACCEPTED',
    message: `The chart has rendered no Ingress/${target.release}-server`,
  })
})

test('changed manifests are not taken for the release, and are rendered again', async () => {
  await using world = await rendering()
  const { driver, target, folder } = world
  await driver.deploy(target, leaseOf())
  const before = await readFile(join(folder, 'manifests.yaml'), 'utf8')
  await writeFile(join(folder, 'manifests.yaml'), 'changed')
  expect(await driver.observe(target)).toMatchObject({ status: 'failed' })

  const lease = leaseOf()
  await driver.deploy(target, lease)

  expect(await readFile(join(folder, 'manifests.yaml'), 'utf8')).toBe(before)
  const labels = { claim: lease.claimId }
  expect(await driver.observe(target)).toMatchObject({ status: 'deployed', labels })
})

test('a worker frozen between its last read of the log and its rename publishes nothing after a take-over', async () => {
  await using world = await rendering()
  const { driver, target, folder } = world
  const newcomer = leaseOf()
  const zombie = leaseOf(async () => {
    if (++confirmations === 2) {
      await driver.fence(target, newcomer)
      await driver.deploy(target, newcomer)
    }
  })
  let confirmations = 0

  await expect(driver.deploy(target, zombie)).rejects.toMatchObject({ code: 'CLAIM_LOST' })

  const { labels } = JSON.parse(await readFile(join(folder, 'release.json'), 'utf8'))
  expect(labels['cp.claim']).toBe(newcomer.claimId)
})

test('a worker frozen before its removal takes nothing away after a take-over', async () => {
  await using world = await rendering()
  const { driver, target } = world
  await driver.deploy(target, leaseOf())
  const zombie = leaseOf(() => driver.fence(target, leaseOf()))

  await expect(driver.uninstall(target, zombie)).rejects.toMatchObject({ code: 'CLAIM_LOST' })

  expect(await driver.observe(target)).toMatchObject({ status: 'deployed' })
})

test('without a claim that stands helm is not started', async () => {
  await using world = await rendering()
  const lost = leaseOf(() => Promise.reject(new AppError('CLAIM_LOST', 'gone')))
  await expect(world.driver.deploy(world.target, lost)).rejects.toMatchObject({
    code: 'CLAIM_LOST',
  })
  expect(await world.helm.runs()).toEqual([])
})

test('a removal takes the whole folder, after its objects and files can be listed', async () => {
  await using world = await rendering()
  const { driver, target } = world
  await driver.deploy(target, leaseOf())
  const objects = [`ConfigMap/${target.release}`]
  const listed = await driver.inventory(target)
  expect(listed).toEqual([...objects, 'manifests.yaml', 'release.json'])

  await driver.uninstall(target, leaseOf())

  expect(await driver.observe(target)).toEqual({ status: 'absent' })
  expect(await driver.inventory(target)).toEqual([])
})

test.each([
  ['a file', (path: string) => writeFile(path, '')],
  ['a folder without a record', (path: string) => fill(path, 'x.yaml', 'x')],
  ['an unreadable record', (path: string) => fill(path, 'release.json', '{')],
])('%s under the name of a release is unmanaged', async (_, make) => {
  await using world = await rendering()
  await make(world.folder)
  expect(await world.driver.observe(world.target)).toMatchObject({ status: 'unmanaged' })
})

test('a release that comes and goes while it is read is there or not there, never unmanaged or failed', async () => {
  await using world = await rendering()
  const { driver, target, folder } = world
  await driver.deploy(target, leaseOf())
  const away = `${folder}.away`
  const ended = new AbortController()
  const moved = (async () => {
    for (let round = 0; round < 300; round++) {
      await rename(folder, away)
      await cp(away, `${away}.copy`, { recursive: true })
      await rm(away, { recursive: true })
      await rename(`${away}.copy`, folder)
    }
  })().finally(() => ended.abort())
  const seen = new Map<string, number>()
  while (!ended.signal.aborted) {
    const { status } = await driver.observe(target)
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
  await moved
  expect([...seen.keys()].toSorted()).toEqual(['absent', 'deployed'])
})

test("another store's release is unmanaged", async () => {
  await using world = await rendering()
  const { driver, target } = world
  await driver.deploy(target, leaseOf())
  const other = { ...target, request: { ...target.request, storeId: randomUUID() } }
  expect(await driver.observe(other)).toMatchObject({ status: 'unmanaged' })
})

test('a folder that somebody puts there while helm runs is left alone', async () => {
  await using world = await rendering()
  let confirmations = 0
  const lease = leaseOf(async () => {
    if (++confirmations === 2) await fill(world.folder, 'theirs', 'x')
  })
  await world.driver.deploy(world.target, lease)
  expect(await readdir(world.folder)).toEqual(['theirs'])
})

test('a chart that changes while helm runs is not published', async () => {
  await using world = await rendering()
  const chart = { ...world.target.chart, digest: 'as it was' }
  const deploying = world.driver.deploy({ ...world.target, chart }, leaseOf())
  await expect(deploying).rejects.toMatchObject({ code: 'CHART_INVALID' })
  await expect(access(world.folder)).rejects.toThrow('ENOENT')
})

test('what dead workers have left in staging is cleared away at the start, with their values', async () => {
  await using world = await rendering()
  const left = join(world.staging, 's-x.claim')
  await fill(left, 'values.yaml', 'x')
  await fill(join(world.staging, 's-y.claim'), 'values.yaml', 'x')
  await utimes(left, 0, 0)
  await world.open()
  expect(await readdir(world.staging)).toEqual(['s-y.claim'])
})

async function rendering(behaviour = {}) {
  const folder = await tempFolder()
  const helm = await helmStub(join(folder.path, 'stub'), { otherwise: behaviour })
  const releasesDir = join(folder.path, 'releases')
  const times = { limitMs: 60_000, killAfterMs: 500, heartbeatTimeoutMs: 6_000 }
  const runner = openHelm({ executable: helm.executable, workDir: folder.path, ...times })
  const open = () => openRenderDriver({ helm: runner, chartsDir, releasesDir })
  const target = await targetOf()
  return {
    driver: await open(),
    open,
    helm,
    target,
    folder: join(releasesDir, target.release),
    staging: join(releasesDir, '.staging'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function targetOf(given: object = {}): Promise<Target> {
  const storeId = randomUUID()
  const request: StoreRequested = {
    storeId,
    tenantId: 'demo',
    name: 'Test Store',
    engine: 'medusa',
    plan: 'small',
    fingerprint: '',
    requestedAt: '2026-01-01T00:00:00.000Z',
  }
  const release = releaseNameOf(storeId)
  const chart = await readChart(chartsDir, 'medusa')
  const installation = { storesDomain: 'example.com', values: installationValues.parse(given) }
  return { request, release, chart, values: storeValues(request, release, installation) }
}

function leaseOf(confirm: () => Promise<void> = async () => {}): ClaimLease {
  const end = process.hrtime.bigint() + 60_000_000_000n
  return { attempt: 1, claimId: randomUUID(), signal, deadline: () => end, confirm }
}

async function fill(folder: string, name: string, content: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, name), content)
}
