import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { releaseNameOf } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('../../services/provisioner/main.ts', import.meta.url))

test('F23: a chart that is broken for good ends in one StoreFailed after all attempts', async () => {
  await using world = await provisionerWorld()
  const broken = { exitCode: 1, stderr: 'Error: parse error at (chart/templates/x.yaml:1)' }
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: broken })
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'ProvisioningAttemptFailed').map(({ attempt }) => attempt)).toEqual([1, 2])
  expect(dataOf(events, 'StoreFailed')).toMatchObject([
    { attempt: 3, reason: 'HELM_FAILED', detail: expect.stringContaining('parse error') },
  ])
  expect(await helm.runs()).toHaveLength(3)
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
})

test('a store whose chart is not there fails after all attempts, and the provisioner takes the next store', async () => {
  await using world = await provisionerWorld()
  const change = { CHARTS_DIR: join(world.folder, 'none'), CONCURRENCY: '1' }
  await world.startProvisioner(change)
  const first = await world.request()
  const second = await world.request()

  for (const id of [first, second]) {
    const events = await untilLast(world, id, 'StoreFailed')
    expect(dataOf(events, 'StoreFailed')).toMatchObject([{ reason: 'HELM_FAILED' }])
  }
})

test('F25: a helm that hangs and ignores SIGTERM is killed at its limit, with what it left behind', async () => {
  await using world = await provisionerWorld()
  const hangs = { hang: true, ignoreTerm: true, grandchild: true }
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [hangs] })
  const change = { HELM_BIN: helm.executable, HELM_LIMIT_MS: '2500' }
  await world.startProvisioner(change)
  const storeId = await world.request()

  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(events, 'ProvisioningAttemptFailed')).toMatchObject([{ reason: 'TIMEOUT' }])
  const runs = await helm.runs()
  expect(runs).toHaveLength(2)
  expect(overlaps(runs)).toEqual([])
  await eventually(() => expect(groupIsGone(runs[0]?.pid)).toBe(true))
})

test('F26: a helm that prints 1 GiB is ended at once and fills neither memory nor disk', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ stdoutBytes: 2 ** 30 }] })
  const provisioner = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')).toMatchObject([{ reason: 'CHART_INVALID' }])
  const status = await readFile(`/proc/${provisioner.pid}/status`, 'utf8').catch(() => '')
  const peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0)
  expect(peakKb).toBeLessThan(400_000)
})

test.each([
  ['is missing', '/nowhere/helm', undefined],
  ['is of a version that is not supported', 'stub', 'v4.1.2'],
  ['says no version', 'stub', 'hello'],
])('F27: a provisioner whose helm %s refuses to start', async (_, bin, version) => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), version === undefined ? {} : { version })
  const HELM_BIN = bin === 'stub' ? helm.executable : bin
  const { PATH = '' } = process.env

  const run = promisify(execFile)(process.execPath, [main], {
    env: { PATH, ...world.environment, HELM_BIN },
  })

  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The provisioner cannot run: .*Helm ≥ 4\.1\.4 or Helm 3/),
  })
})

test('F28: SIGTERM in mid-helm lets helm end in the grace time, and the result is stored', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ waitMs: 1_500 }] })
  const provisioner = await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  provisioner.signal('SIGTERM')

  expect(await provisioner.exited).toEqual({ code: 0, signal: null })
  const events = await world.history(storeId)
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 1 }])
})

test('F28: when the grace time is over helm is ended, and the next worker goes on at once', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), { runs: [{ hang: true }] })
  const change = { HELM_BIN: helm.executable, SHUTDOWN_GRACE_MS: '500' }
  const provisioner = await world.startProvisioner(change)
  const storeId = await world.request()
  await eventually(async () => expect(await helm.runs()).toHaveLength(1))

  provisioner.signal('SIGTERM')

  expect(await provisioner.exited).toEqual({ code: 0, signal: null })
  expect((await helm.runs())[0]?.endedAt).toBeDefined()
  const stopped = dataOf(await world.history(storeId), 'ProvisioningAttemptFailed')
  expect(stopped).toMatchObject([{ reason: 'WORKER_STOPPED' }])
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted').map(({ takesOver }) => takesOver)).toEqual([
    undefined,
    undefined,
  ])
})

test('text that could mean something to a template reaches no helm', async () => {
  await using world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'))
  await world.startProvisioner({ HELM_BIN: helm.executable })
  const storeId = await world.request({ name: '{{ .Values.secret }}' })

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')).toMatchObject([{ attempt: 1, reason: 'VALUES_INVALID' }])
  expect(await helm.runs()).toEqual([])
})

test('a folder of somebody else under the name of the release is never touched', async () => {
  await using world = await provisionerWorld()
  const storeId = randomUUID()
  const folder = join(world.environment.RELEASES_DIR, releaseNameOf(storeId))
  await world.putFile(join(folder, 'theirs.txt'), 'mine')
  await world.startProvisioner()
  await world.send(storeId, world.requestOf(storeId))
  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'StoreFailed')).toMatchObject([{ reason: 'RELEASE_CONFLICT' }])
  await access(join(folder, 'theirs.txt'))
})

function groupIsGone(pid = 0): boolean {
  try {
    process.kill(-pid, 0)
    return false
  } catch {
    return true
  }
}
