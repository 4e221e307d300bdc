import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testCluster } from '#test/cluster/test-cluster'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { toolPath } from '../../../embedded/tools.ts'
import { diagnose } from './diagnose.ts'
import { pvc, configMap, deployment, faulty } from '#test/diagnosis/objects'
import { namespaceIn, restrictedKubeconfig, type Cluster } from '#test/diagnosis/try-release'

const charts = fileURLToPath(new URL('../../../deploy/charts', import.meta.url))
const helm = toolPath('helm')
const version = await execa(helm, ['version', '--template', '{{.Version}}'], { timeout: 20_000 })
const appliesOnServer = version.stdout.startsWith('v4')
type Namespace = Awaited<ReturnType<typeof namespaceIn>>
let cluster: Cluster

beforeAll(async () => {
  cluster = await testCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe.concurrent('helm says', () => {
  test('that its own record is above the quota: QUOTA_EXCEEDED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const spec = { hard: { 'count/secrets': '0' } }
    await namespace.create('api/v1/resourcequotas', { metadata: { name: 'plan' }, spec })

    const refused = await eventually(async () => {
      const failure = await namespace.failureOf([configMap()])
      if (failure.reason !== 'QUOTA_EXCEEDED') throw new Error(failure.detail)
      return failure
    })

    expect(refused.detail).toMatch(
      /^helm: Error: .*"sh.helm.release.v1.shop.v1" is forbidden: exceeded quota/,
    )
  })

  test('F24: that another run is at work: HELM_PENDING', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await leavePending(namespace)

    expect(await namespace.failureOf([configMap()])).toMatchObject({
      reason: 'HELM_PENDING',
      retryable: true,
      detail: expect.stringContaining(
        'another operation (install/upgrade/rollback) is in progress',
      ),
    })
  })

  test('that an object is not its own: RELEASE_CONFLICT', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await namespace.create('api/v1/configmaps', configMap())

    expect(await namespace.failureOf([configMap()])).toMatchObject({
      reason: 'RELEASE_CONFLICT',
      retryable: false,
      detail: expect.stringContaining('invalid ownership metadata'),
    })
  })

  test('that its account may not: ACCESS_DENIED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)

    const failure = await namespace.failureOf([], { kubeconfig: restrictedKubeconfig(cluster) })

    expect(failure).toMatchObject({
      reason: 'ACCESS_DENIED',
      detail: expect.stringContaining(
        'User "storewright-restricted" cannot list resource "secrets"',
      ),
    })
  })

  test('that nobody answers: CLUSTER_UNREACHABLE', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await using folder = await tempFolder()
    const kubeconfig = join(folder.path, 'kubeconfig')
    await writeFile(kubeconfig, await kubeconfigOfNobody())

    const failure = await namespace.failureOf([], { kubeconfig })

    expect(failure).toMatchObject({ reason: 'CLUSTER_UNREACHABLE', retryable: true })
  })

  test('that a volume cannot shrink: VOLUME_RESIZE_REFUSED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await namespace.install([pvc('data', '2Gi')])

    expect(await namespace.failureOf([pvc('data', '1Gi')])).toMatchObject({
      reason: 'VOLUME_RESIZE_REFUSED',
      retryable: false,
    })
  })

  test('that the cluster knows no such kind: CHART_INVALID', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const unknown = { apiVersion: 'shop.example/v1', kind: 'Shop', metadata: { name: 'shop' } }

    expect(await namespace.failureOf([unknown])).toMatchObject({
      reason: 'CHART_INVALID',
      retryable: false,
    })
  })

  test("that values do not fit a chart's schema: VALUES_INVALID", async ({ expect }) => {
    const namespace = await namespaceIn(cluster)

    const chart = join(charts, 'medusa')
    const failure = await namespace.failureOf([], { chart, values: { plan: 'huge' } })

    expect(failure).toMatchObject({ reason: 'VALUES_INVALID', retryable: false })
  })
})

// Helm 4 applies on the server, which says so; Helm 3 merges by itself, over others and past what it does not know.
describe.concurrent('helm 4 says, and helm 3 does not know', () => {
  test('that a field belongs to another: RELEASE_CONFLICT', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await namespace.install([deployment()])
    const path = namespace.pathOf('apis/apps/v1/deployments/shop')
    await cluster.api(`${path}?fieldManager=x&force=true`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'apps/v1', kind: 'Deployment', spec: { paused: true } },
    })
    const { spec, ...rest } = deployment()

    const conflict = {
      reason: 'RELEASE_CONFLICT',
      detail: expect.stringContaining('Apply failed with 1 conflict'),
    }
    expect(await outcomeOf(namespace, { ...rest, spec: { ...spec, paused: false } })).toMatchObject(
      appliesOnServer ? conflict : { spec: expect.not.objectContaining({ paused: true }) },
    )
  })

  test('that a field is unknown: CHART_INVALID', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const { spec, ...rest } = deployment()

    expect(await outcomeOf(namespace, { ...rest, spec: { ...spec, replica: 1 } })).toMatchObject(
      appliesOnServer ? { reason: 'CHART_INVALID' } : { spec: { replicas: 1 } },
    )
  })
})

describe.concurrent('no fault by itself', () => {
  test('is a store that runs', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const stderr = await namespace.install([deployment(), pvc('data', '1Gi')])

    expect(stderr).toBe('')
    expect(diagnose(await namespace.collect(), { stderr: 'odd' })).toMatchObject({
      reason: 'HELM_FAILED',
      detail: 'helm: odd',
    })
  })

  test('is an autoscaler without figures', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await namespace.install([deployment(), autoscaler()])
    await eventually(
      async () =>
        expect(await namespace.warnings('shop')).toContainEqual(
          expect.stringContaining('FailedGetResourceMetric'),
        ),
      { timeoutMs: 60_000 },
    )

    expect(diagnose(await namespace.collect(), { stderr: '' })).toMatchObject({
      reason: 'HELM_FAILED',
    })
  })
})

/** Why the release failed, or the Deployment that came of it. */
async function outcomeOf(namespace: Namespace, object: object): Promise<unknown> {
  const stderr = await namespace.install([object])
  if (stderr !== '') return diagnose(await namespace.collect(), { stderr })
  return (await namespace.get('apis/apps/v1/deployments/shop')).body
}

function autoscaler() {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }
  const target = { type: 'Utilization', averageUtilization: 70 }
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }]
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'shop' },
    spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics },
  }
}

/** A record of a helm that was killed while it waited. */
async function leavePending(namespace: Namespace): Promise<void> {
  const stop = new AbortController()
  const objects = [faulty('neverready')]
  await using folder = await tempFolder()
  const values = join(folder.path, 'values.json')
  await writeFile(values, JSON.stringify({ objects }))
  const chart = fileURLToPath(new URL('../../../tests/support/diagnosis/anything', import.meta.url))
  const args = [
    'install',
    'shop',
    chart,
    '--namespace',
    namespace.name,
    '--values',
    values,
    '--wait',
  ]
  const env = { KUBECONFIG: cluster.kubeconfig }
  const options = { env, reject: false, cancelSignal: stop.signal, forceKillAfterDelay: 1 } as const
  const running = execa(helm, args, options)
  await eventually(async () => {
    const [pod] = (await namespace.collect()).pods
    if (pod === undefined) throw new Error('Helm has made nothing yet')
  })
  running.kill('SIGKILL')
  await running
}

async function kubeconfigOfNobody(): Promise<string> {
  const server = `https://127.0.0.1:${await freePort()}`
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}
