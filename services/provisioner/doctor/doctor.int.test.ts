import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, storeStream, type StoreEvent } from '#domain'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { writeRecord } from '../drivers/render/release-folder.ts'
import { runDoctor } from './run-doctor.ts'

const program = new URL('main.ts', import.meta.url).pathname
const manifests = Buffer.from('kind: Service\n')
const nowhere = { EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false', RELEASES_DIR: '/nowhere' }

test('stores as they should be: exit code 0', async () => {
  await using world = await doctorWorld()
  await world.release(await world.readyStore())

  const { exitCode, stdout } = await world.doctor()

  expect(stdout).toContain('with 1 release: 0 findings.')
  expect(exitCode).toBe(0)
})

test('each way in which folders and log do not agree is found, and nothing is changed', async () => {
  await using world = await doctorWorld()
  const [missing, drifted, broken, empty, gone] = await Promise.all(
    Array.from({ length: 5 }, () => world.readyStore()),
  )
  if (!missing || !drifted || !broken || !empty || !gone) throw new Error('too few')
  await world.release(drifted, { values: 'other' })
  await writeFile(join(await world.release(broken), 'manifests.yaml'), 'changed')
  await mkdir(join(world.releasesDir, releaseNameOf(empty)))
  await world.release(gone)
  await world.end(gone)
  const stranger = randomUUID()
  await world.release(stranger)
  await rename(await world.release(drifted), join(world.releasesDir, 'copy'))
  await world.release(drifted, { values: 'other' })
  await writeFile(join(world.releasesDir, releaseNameOf(randomUUID())), 'a file')

  const { exitCode, stdout } = await world.doctor('--json')
  const again = await world.doctor('--json')

  const { findings } = JSON.parse(stdout)
  const found = findings.map(({ kind, storeId }: Record<string, string>) => [kind, storeId])
  expect(found).toHaveLength(8)
  expect(found).toEqual(
    expect.arrayContaining([
      ['missing-release', missing],
      ['missing-release', empty],
      ['drifted-release', drifted],
      ['broken-release', broken],
      ['leftover', gone],
      ['second-release', drifted],
      ['orphan-release', undefined],
    ]),
  )
  expect(exitCode).toBe(1)
  expect(again.stdout).toBe(stdout)
})

test('stores being made and deleted are never reported, at whatever moment it looks', async () => {
  await using world = await doctorWorld()
  await world.startProvisioner()
  const storeIds = await Promise.all([1, 2, 3].map(() => world.request()))
  const seen: string[] = []
  const lookUntilAll = async (type: StoreEvent['type']) => {
    const all = Promise.all(storeIds.map((storeId) => untilLast(world, storeId, type)))
    const ended = new AbortController()
    void all.finally(() => ended.abort()).catch(() => {})
    while (!ended.signal.aborted) seen.push((await world.doctor('--json')).stdout)
    await all
  }

  await lookUntilAll('StoreProvisioned')
  for (const storeId of storeIds) {
    await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
    await world.notify(storeId)
  }
  await lookUntilAll('StoreDeleted')

  expect(seen.length).toBeGreaterThan(1)
  expect(seen.filter((report) => !report.includes('"findings":[]'))).toEqual([])
})

test('the release of another store in the location of a store is unmanaged', async () => {
  await using world = await doctorWorld()
  const [one, two] = [await world.readyStore(), await world.readyStore()]
  await world.release(two)
  await rm(await world.release(one), { recursive: true })
  await rename(await world.release(two), join(world.releasesDir, releaseNameOf(one)))
  await world.release(two)

  const { stdout } = await world.doctor()

  expect(stdout).toContain(`unmanaged-release:${releaseNameOf(one)}`)
  expect(stdout).toContain(`carries the labels of store ${two}`)
})

test('the figures are there for Prometheus, every kind of them', async () => {
  await using world = await doctorWorld()
  await world.readyStore()

  const { stdout } = await world.doctor('--prometheus')

  expect(stdout).toContain('storewright_drift_findings{kind="missing-release"} 1')
  expect(stdout).toContain('storewright_drift_findings{kind="leftover"} 0')
})

test('an event of a store that cannot be read is said, and the look goes on', async () => {
  await using world = await doctorWorld()
  const [unreadable, missing] = [await world.readyStore(), await world.readyStore()]
  const metadata = (await world.metadata(unreadable)).at(-1)
  if (metadata === undefined) throw new Error('no event')
  const event = { id: randomUUID(), type: 'DeletionRequested', data: { requestedAt: 7 }, metadata }
  await world.eventStore.append(storeStream(unreadable), [event], 2n)

  const { exitCode, stdout } = await world.doctor()

  expect(stdout).toContain(`The stream of store ${unreadable} cannot be read`)
  expect(stdout).toContain(`missing-release:${releaseNameOf(missing)}`)
  expect(exitCode).toBe(1)
})

test.each([
  ['an unknown option', ['--fix'], {}, 'unknown option'],
  ['two formats', ['--json', '--prometheus'], {}, 'cannot be used with'],
  ['a silence that is no number', ['--silent-minutes', '0'], {}, 'must be a number above 0'],
  ['no event store', [], { EVENTSTORE_URL: '' }, 'EVENTSTORE_URL'],
  ['no cluster', [], { DRIVER: 'cluster', KUBECONFIG: '/nowhere' }, '/nowhere cannot be read'],
])('%s: exit code 2 and a sentence', async (_, args, env, sentence) => {
  const { exitCode, stderr } = await doctorWith(args, { ...nowhere, ...env })

  expect(stderr).toContain(sentence)
  expect(exitCode).toBe(2)
})

test('what nothing in the system can fix is not repaired, and neither is anything beside it', async () => {
  await using world = await doctorWorld()
  const storeId = await world.readyStore()
  const id = `missing-release:${releaseNameOf(storeId)}`

  const { exitCode, stderr } = await world.doctor('--repair', id)

  expect(stderr).toContain(`${id} is not repaired by the doctor. Its data is gone as well`)
  expect(exitCode).toBe(2)
  expect((await world.history(storeId)).at(-1)?.type).toBe('StoreProvisioned')
})

test('a ready store whose release somebody broke is upgraded on its own plan, and whole again', async () => {
  await using world = await doctorWorld()
  await world.startProvisioner()
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  const rendered = join(world.releasesDir, releaseNameOf(storeId), 'manifests.yaml')
  await writeFile(rendered, 'kind: Nothing')

  const id = `broken-release:${releaseNameOf(storeId)}`
  const { exitCode, stderr } = await world.doctor('--repair', id)

  expect([exitCode, stderr]).toEqual([
    0,
    expect.stringContaining('UpgradeRequested is in its stream'),
  ])
  await world.notify(storeId)
  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'UpgradeRequested')).toMatchObject([{ plan: 'small' }])
  expect((await world.metadata(storeId)).map(({ actor }) => actor)).toContainEqual(
    expect.stringMatching(/^user:doctor-/),
  )
  expect((await world.doctor()).exitCode).toBe(0)
})

test('a finding that is not there is not repaired', async () => {
  await using world = await doctorWorld()
  const { exitCode, stderr } = await world.doctor('--repair', 'leftover:s-x')
  expect([exitCode, stderr]).toEqual([2, 'There is no finding leftover:s-x now\n'])
})

test('a folder of releases that is not there is no folder without releases', async () => {
  await using world = await doctorWorld()
  await rm(world.releasesDir, { recursive: true })
  const { exitCode, stderr } = await world.doctor()
  expect(stderr).toContain('RELEASES_DIR cannot be read')
  expect(exitCode).toBe(2)
})

test('as a process it ends with the exit code', async () => {
  await using world = await doctorWorld()
  await world.readyStore()
  const { env } = world
  const { exitCode, stdout } = await execa(process.execPath, [program], { env, reject: false })
  expect(stdout).toContain('1 finding.')
  expect(exitCode).toBe(1)
})

test('the help is not an error', async () => {
  const { exitCode, stdout } = await doctorWith(['--help'], {})
  expect(stdout).toContain('--repair <finding...>')
  expect(exitCode).toBe(0)
})

async function doctorWith(args: string[], env: Record<string, string>) {
  let stdout = ''
  let stderr = ''
  const exitCode = await runDoctor(args, env, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  })
  return { exitCode, stdout, stderr }
}

/** A log, and a folder of releases as driver render fills it. */
async function doctorWorld() {
  const world = await provisionerWorld()
  const releasesDir = join(world.folder, 'releases')
  await mkdir(join(releasesDir, '.staging'), { recursive: true })
  await writeFile(join(releasesDir, 'README'), 'not a release')
  const env = { EVENTSTORE_URL: world.log.url, RELEASES_DIR: releasesDir }
  const now = new Date().toISOString()
  return {
    ...world,
    env,
    releasesDir,
    doctor: (...args: string[]) => doctorWith(args, env),
    readyStore: async (): Promise<string> => {
      const storeId = randomUUID()
      await world.send(storeId, world.requestOf(storeId))
      const claimId = await world.claim(storeId)
      const name = releaseNameOf(storeId)
      const made = { release: name, namespace: name, url: `https://${name}`, adopted: false }
      const chart = { chart: 'medusa', chartVersion: '1', chartDigest: 'c', valuesDigest: 'v' }
      await world.send(storeId, { type: 'CompleteProvisioning', claimId, ...made, ...chart, now })
      return storeId
    },
    end: async (storeId: string): Promise<void> => {
      await world.send(storeId, { type: 'RequestDeletion', now })
      const claimId = await world.claim(storeId)
      await world.send(storeId, { type: 'CompleteUninstall', claimId, removed: [], now })
    },
    /** Puts a release there as the driver does; returns its folder. */
    release: async (storeId: string, change: { values?: string } = {}): Promise<string> => {
      const folder = join(releasesDir, releaseNameOf(storeId))
      await mkdir(folder, { recursive: true })
      const labels = { store: storeId, attempt: 1, claim: 'a', values: 'v', chart: 'c', ...change }
      await writeFile(join(folder, 'manifests.yaml'), manifests)
      await writeFile(join(folder, 'release.json'), writeRecord(labels, manifests))
      return folder
    },
  }
}
