import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { eventually } from '#test/eventually'
import { helmJournal, overlapping } from '#test/stack/helm-journal'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'
import { toolPath } from '../../embedded/tools.ts'

const STORES = 40
const READY_TIMEOUT_MS = 150_000
const root = fileURLToPath(new URL('../..', import.meta.url))
// The provisioners first: what they were working on stays in flight until their leases have run out.
const victims = [
  'provisioner',
  'provisioner-2',
  'event-store',
  'nats-server',
  'postgres',
  'relay',
  'projector',
]

type Stack = Awaited<ReturnType<typeof npmStart>>

test('every process is killed with -9 in turn with 40 stores in flight: every accepted store ends ready, by one effective helm run, and the read models equal a rebuild', async () => {
  await using folder = await tempFolder()
  const helm = await helmJournal(folder.path, toolPath('helm'))
  await using stack = await separately({ HELM_BIN: helm.executable })
  const ids = await accepted(stack)

  await eventually(async () => expect(await helm.running()).toBeGreaterThan(0))
  for (const victim of victims) await killAndAwait(stack, victim)

  const histories = await untilReadyOnce(stack, ids)
  const claims = histories.flat().filter(({ type }) => type === 'ProvisioningStarted')
  expect(claims.filter(({ data }) => data['takesOver'] !== undefined)).not.toEqual([])
  for (const id of ids) await expectOneEffect(stack, helm, id)
  expect(await rebuild(stack)).toContain('equal, byte for byte')
})

test('the NATS data is wiped with 40 stores in flight: every accepted store ends ready, provisioned once', async () => {
  await using stack = await separately({})
  const ids = await accepted(stack)

  await killAndAwait(stack, 'nats-server', () =>
    rmSync(join(stack.dataDir, 'nats-server', 'jetstream'), { recursive: true, force: true }),
  )

  await untilReadyOnce(stack, ids)
  expect(await rebuild(stack)).toContain('equal, byte for byte')
})

const separately = (env: Record<string, string>) =>
  npmStart({ STOREWRIGHT_PROCESSES: 'separate', LOG_LEVEL: 'warn', ...env })

/** As a client with a key does it: asks again, unchanged, until it is told yes. */
async function accepted({ url }: Stack): Promise<string[]> {
  const client = storeClient(url)
  const request = () => {
    const headers = { 'idempotency-key': randomUUID() }
    return eventually(() => client.accepted({ headers }), { timeoutMs: 60_000, everyMs: 250 })
  }
  return Promise.all(Array.from({ length: STORES }, request))
}

/** kill -9; returns when the supervisor has started it again. */
async function killAndAwait(stack: Stack, victim: string, meanwhile = () => {}): Promise<void> {
  const { [victim]: pid } = await stack.pids()
  expect(pid).toBeDefined()
  process.kill(pid ?? 0, 'SIGKILL')
  meanwhile()
  const startedAgain = async () => expect((await stack.pids())[victim]).not.toBe(pid)
  await eventually(startedAgain, { timeoutMs: 60_000, everyMs: 50 })
}

/** Waits until the read model shows every store ready; each was provisioned once by the log. */
async function untilReadyOnce({ url }: Stack, ids: string[]) {
  const client = storeClient(url)
  for (const id of ids) await client.untilStatus(id, 'ready', READY_TIMEOUT_MS)
  const histories = await Promise.all(ids.map((id) => client.events(id)))
  const provisioned = histories.map(
    (events) => events.filter(({ type }) => type === 'StoreProvisioned').length,
  )
  expect(provisioned).toEqual(ids.map(() => 1))
  return histories
}

const record = z.object({ status: z.string(), labels: z.looseObject({ 'cp.claim': z.string() }) })

/** Helm's journal has no two runs at a time, and the release is of a run that a claim of the log allowed and that ended well. */
async function expectOneEffect(
  { url, dataDir }: Stack,
  helm: Awaited<ReturnType<typeof helmJournal>>,
  id: string,
): Promise<void> {
  const client = storeClient(url)
  const { release } = await client.untilStatus(id, 'ready')
  const runs = await helm.runsOf(release ?? '?')
  expect(overlapping(runs)).toEqual([])
  expect(runs.filter(({ code }) => code === 0)).not.toEqual([])

  const file = join(dataDir, 'releases', release ?? '?', 'release.json')
  const { status, labels } = record.parse(JSON.parse(await readFile(file, 'utf8')))
  const claims = (await client.events(id)).map(({ data }) => data['claimId'])
  expect(status).toBe('deployed')
  expect(claims).toContain(labels['cp.claim'])
}

/** What `npm run rebuild` prints. */
async function rebuild({ dataDir }: Stack): Promise<string> {
  const env = { STOREWRIGHT_DATA: dataDir }
  const { stdout } = await execa('npm', ['run', '--silent', 'rebuild'], { cwd: root, env })
  return stdout
}
