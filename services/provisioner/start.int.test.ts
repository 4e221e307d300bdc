import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, type Engine, engines } from '#domain'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { helmStub, type Behaviour } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { tempFolder } from '#test/temp-folder'
import { dataOf, untilLast } from '#test/store-history'
import { testDatabase } from '#test/servers/test-database'
import { expect, test } from 'vitest'
import { installationOf, parseConfig, type ProvisionerConfig } from './config.ts'
import { openDriver } from './open-driver.ts'
import { start } from './start.ts'
import { readChart } from './chart.ts'
import { storeValues } from './values.ts'

test.each(engines)(
  'a requested %s store is rendered by real helm, byte for byte what helm template gives',
  async (engine) => {
    await using world = await worldOf()
    await world.start()
    const storeId = await world.request({ engine })

    const events = await untilLast(world, storeId, 'StoreProvisioned')

    expect(events.map(({ type }) => type)).toEqual([
      'StoreRequested',
      'ProvisioningStarted',
      'ProvisioningStepRecorded',
      'StoreProvisioned',
    ])
    const release = releaseNameOf(storeId)
    const url = `https://${release}.stores.localhost`
    const result = { release, namespace: release, url, chart: engine, adopted: false }
    expect(dataOf(events, 'StoreProvisioned')).toMatchObject([result])
    const rendered = await readFile(join(world.config.RELEASES_DIR, release, 'manifests.yaml'))
    expect(rendered).toEqual(helmTemplate(world.config, engine, storeId))
  },
)

test.each([
  ['an Ingress', { kind: 'ingress', className: 'nginx' }, 'Ingress'],
  ['an HTTPRoute', { kind: 'httpRoute', parentRefs: [{ name: 'public' }] }, 'HTTPRoute'],
])('with %s for every store, a store is rendered with it and is ready', async (_, route, kind) => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'stores.json')
  await writeFile(file, JSON.stringify({ route, imageRegistry: 'registry.example.com/shops' }))
  await using world = await worldOf(undefined, { STORE_VALUES_FILE: file })
  await world.start()

  const storeId = await world.request({ engine: 'medusa' })

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const release = releaseNameOf(storeId)
  expect(dataOf(events, 'ProvisioningStepRecorded')).toMatchObject([
    { step: 'install' },
    { step: 'route', detail: { route: `${kind}/${release}-server` } },
  ])
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([
    { url: `https://${release}.stores.localhost` },
  ])
  const manifests = await readFile(
    join(world.config.RELEASES_DIR, release, 'manifests.yaml'),
    'utf8',
  )
  expect(manifests).toContain(`kind: ${kind}\n`)
  expect(manifests).toContain('image: "registry.example.com/shops/medusa:2.21.2"')
})

test('F14: what a worker made that died before it stored the result is adopted without helm', async () => {
  await using world = await worldOf({})
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const claimId = await world.claim(storeId)
  await deployFor(world.config, storeId, claimId)
  await world.start()

  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'StoreProvisioned')).toMatchObject([{ attempt: 2, adopted: true }])
  expect(dataOf(events, 'ProvisioningStepRecorded')).toMatchObject([
    { step: 'adopt', detail: { madeByAttempt: 1, madeByClaim: claimId } },
  ])
  expect(await world.helm.runs()).toHaveLength(1)
})

test('a failing store is tried again, then given up, and its events carry who asked for it', async () => {
  await using world = await worldOf({ otherwise: { exitCode: 1, stderr: 'Error: no' } })
  const { url } = await world.start()
  const storeId = await world.request()

  const events = await untilLast(world, storeId, 'StoreFailed')

  expect(dataOf(events, 'ProvisioningAttemptFailed')).toHaveLength(2)
  const metadata = await world.metadata(storeId)
  expect(new Set(metadata.map(({ correlationId }) => correlationId))).toEqual(new Set(['trace-1']))
  expect(metadata.at(-1)?.actor).toBe(`worker:${world.config.WORKER_ID}`)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('provisioner_attempts_total{kind="install",outcome="failed"} 3')
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
})

test('a deletion in mid-helm is done by the worker that has the claim', async () => {
  await using world = await worldOf({ runs: [{ hang: true }] })
  await world.start()
  const storeId = await world.request()
  await world.reserveSlot(storeId)
  await eventually(async () => expect(await world.helm.runs()).toHaveLength(1))

  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })

  const events = await untilLast(world, storeId, 'StoreDeleted')
  const [install, uninstall] = dataOf(events, 'ProvisioningStarted')
  expect(uninstall).toMatchObject({ kind: 'uninstall', takesOver: install?.claimId })
})

test('closing in mid-helm ends helm after the grace time and stores that the worker stopped', async () => {
  await using world = await worldOf({ runs: [{ hang: true }] }, { SHUTDOWN_GRACE_MS: '300' })
  const { close } = await world.start()
  const storeId = await world.request()
  await eventually(async () => expect(await world.helm.runs()).toHaveLength(1))

  await close()

  const events = await world.history(storeId)
  expect(dataOf(events, 'ProvisioningAttemptFailed')).toMatchObject([{ reason: 'WORKER_STOPPED' }])
  expect((await world.helm.runs())[0]?.endedAt).toBeDefined()
})

test('the sweep notifies the provisioners of a store whose message was lost for good', async () => {
  await using database = await testDatabase()
  const times = { SWEEP_EVERY_MS: '200', SWEEP_OLDER_THAN_MS: '1' }
  await using world = await worldOf({}, { ...times, DATABASE_URL: database.url })
  const storeId = randomUUID()
  const request = world.requestOf(storeId)
  await world.send(storeId, request)
  const at = '2026-01-01T00:00:00Z'
  await database.pool.query(
    `insert into stores (id, tenant_id, name, engine, plan, status, attempt, created_at, updated_at,
     revision, position, state)
     values ($1, 'demo', 'x', 'medusa', 'small', 'requested', 0, $2, $2, 0, 0, '{}')`,
    [storeId, at],
  )

  await world.start()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(1)
})

/** With a script, helm is the stub. */
async function worldOf(
  script?: { runs?: Behaviour[]; otherwise?: Behaviour },
  change: Record<string, string> = {},
) {
  const world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), script)
  const executable = script === undefined ? {} : { HELM_BIN: helm.executable }
  const env = { ...world.environment, ...executable, LOG_LEVEL: 'silent', ...change }
  const config = parseConfig(env)
  const started: (() => Promise<void>)[] = []
  return {
    ...world,
    config,
    helm,
    start: async () => {
      const provisioner = await start(config)
      let closed: Promise<void> | undefined
      const close = () => (closed ??= provisioner.close())
      started.push(close)
      return { ...provisioner, close }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((close) => close()))
      await world[Symbol.asyncDispose]()
    },
  }
}

/** Makes the release as the claim's worker would. */
async function deployFor(
  config: ProvisionerConfig,
  storeId: string,
  claimId: string,
): Promise<void> {
  const { signal } = new AbortController()
  const end = process.hrtime.bigint() + 60_000_000_000n
  await using driver = await openDriver(config, createLogger({ service: 'test', level: 'silent' }))
  const request = requestedAs(storeId)
  const release = releaseNameOf(storeId)
  const chart = await readChart(config.CHARTS_DIR, request.engine)
  const target = {
    request,
    release,
    chart,
    values: storeValues(request, release, installationOf(config)),
  }
  const confirm = () => Promise.resolve()
  await driver.deploy(target, { attempt: 1, claimId, signal, deadline: () => end, confirm })
}

function requestedAs(storeId: string) {
  return {
    storeId,
    tenantId: 'demo',
    name: 'Test Store',
    engine: 'woocommerce',
    plan: 'small',
    fingerprint: '',
    requestedAt: new Date().toISOString(),
  } as const
}

function helmTemplate(config: ProvisionerConfig, engine: Engine, storeId: string): Buffer {
  const release = releaseNameOf(storeId)
  const values = JSON.stringify({
    store: { id: storeId, name: 'Test Store', tenant: 'demo' },
    plan: 'small',
    host: `${release}.stores.localhost`,
    existingSecret: 'store-secret',
  })
  const chart = join(config.CHARTS_DIR, engine)
  const args = ['template', release, chart, '--namespace', release, '--values', '-']
  return execFileSync(config.HELM_BIN, args, { input: values })
}
