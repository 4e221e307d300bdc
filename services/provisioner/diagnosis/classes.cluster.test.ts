import { eventually } from '#test/eventually'
import { testCluster } from '#test/cluster/test-cluster'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { pvc, deployment, faulty, hookJob, statefulSet } from '#test/diagnosis/objects'
import { namespaceIn, type Cluster } from '#test/diagnosis/try-release'

let cluster: Cluster

beforeAll(async () => {
  cluster = await testCluster()
  await cluster.setPodLog([
    'connecting to postgres://shop:hunter22@db',
    'key wc0rKs8aBcD1',
    'cannot start',
  ])
})
afterAll(() => cluster[Symbol.asyncDispose]())

// Each waits for helm most of its time.
describe.concurrent('helm waits in vain', () => {
  test('for an image that nobody has: IMAGE_PULL', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)

    expect(await namespace.failureOf([faulty('imagepull')])).toMatchObject({
      reason: 'IMAGE_PULL',
      retryable: false,
      detail: expect.stringMatching(
        /^pod shop-\S+, container shop, image shop:1: ImagePullBackOff: .*not found/,
      ),
    })
  })

  test('for a program that ends again and again: CRASH_LOOP with its last lines, without secrets', async ({
    expect,
  }) => {
    const namespace = await namespaceIn(cluster)
    const stringData = { 'admin-password': 'wc0rKs8aBcD1' }
    await namespace.create('api/v1/secrets', { metadata: { name: 'store-secret' }, stringData })

    const failure = await namespace.failureOf([faulty('crashloop')])

    expect(failure).toMatchObject({ reason: 'CRASH_LOOP', retryable: true })
    expect(failure.detail).toMatch(
      /^pod shop-\S+, container shop: exit code 1 \(Error\), 3 restarts; /,
    )
    expect(failure.detail).toMatch(
      /postgres:\/\/\[redacted\]@db \| key \[redacted\] \| cannot start$/,
    )
  })

  test('for a program that needs more memory: CRASH_LOOP that is not tried again', async ({
    expect,
  }) => {
    const namespace = await namespaceIn(cluster)

    expect(await namespace.failureOf([faulty('oomkilled')])).toMatchObject({
      reason: 'CRASH_LOOP',
      retryable: false,
      detail: expect.stringContaining('exit code 137 (OOMKilled)'),
    })
  })

  test('for a set-up that ends again and again: CRASH_LOOP of the set-up', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)

    expect(await namespace.failureOf([faulty('initcrash')])).toMatchObject({
      reason: 'CRASH_LOOP',
      detail: expect.stringMatching(/^pod shop-\S+, set-up container set-up: exit code 1/),
    })
  })

  test('for a program that never gets ready: TIMEOUT with what its probe says', async ({
    expect,
  }) => {
    const namespace = await namespaceIn(cluster)

    expect(await namespace.failureOf([faulty('neverready')])).toMatchObject({
      reason: 'TIMEOUT',
      retryable: true,
      detail: expect.stringMatching(
        /^Deployment shop has 0 of 1 ready; pod shop-\S+: Unhealthy: Readiness probe failed.*503/,
      ),
    })
  })

  test('for pods above the quota: QUOTA_EXCEEDED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await limit(namespace, { pods: '0' })

    expect(await namespace.failureOf([deployment()])).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      retryable: true,
      detail: expect.stringMatching(/^Deployment shop: .*exceeded quota: plan, requested: pods=1/),
    })
  })

  test('for pods that do not say what a quota counts: QUOTA_EXCEEDED for good', async ({
    expect,
  }) => {
    const namespace = await namespaceIn(cluster)
    await limit(namespace, { 'limits.memory': '1Gi' })

    expect(await namespace.failureOf([deployment()])).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      retryable: false,
      detail: expect.stringContaining('must specify limits.memory'),
    })
  })

  test('for PVCs above the quota: QUOTA_EXCEEDED, named by the StatefulSet', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await limit(namespace, { 'requests.storage': '0' })

    expect(await namespace.failureOf([statefulSet()])).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      detail: expect.stringMatching(
        /^StatefulSet shop: .*exceeded quota: plan, requested: requests.storage=1Gi/,
      ),
    })
  })

  test('for pods larger than the namespace takes: QUOTA_EXCEEDED for good', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const limits = [{ type: 'Container', max: { memory: '64Mi' } }]
    await namespace.create('api/v1/limitranges', { metadata: { name: 'plan' }, spec: { limits } })
    const container = { resources: { limits: { memory: '1Gi' } } }

    expect(await namespace.failureOf([deployment({ container })])).toMatchObject({
      reason: 'QUOTA_EXCEEDED',
      retryable: false,
      detail: expect.stringContaining('maximum memory usage per Container is 64Mi'),
    })
  })

  test('for pods the policy refuses: ADMISSION_DENIED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster, {
      'pod-security.kubernetes.io/enforce': 'restricted',
    })

    expect(await namespace.failureOf([deployment()])).toMatchObject({
      reason: 'ADMISSION_DENIED',
      retryable: false,
      detail: expect.stringMatching(/^Deployment shop: .*violates PodSecurity "restricted:latest"/),
    })
  })

  test('for a volume of a class that is not there: PVC_PENDING for good', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const lost = pvc('data', '1Gi', { storageClassName: 'nosuch' })

    expect(await namespace.failureOf([lost])).toMatchObject({
      reason: 'PVC_PENDING',
      retryable: false,
      detail: expect.stringMatching(/^PVC data has been pending .*"nosuch" not found$/),
    })
  })

  test('for a node that is large enough: NOT_SCHEDULABLE', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const container = { resources: { requests: { cpu: '1000' } } }

    expect(await namespace.failureOf([deployment({ container })])).toMatchObject({
      reason: 'NOT_SCHEDULABLE',
      retryable: true,
      detail: expect.stringMatching(/^pod shop-\S+: 0\/1 nodes are available: 1 Insufficient cpu/),
    })
  })

  test('for a hook that fails: JOB_FAILED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)

    expect(await namespace.failureOf([hookJob()])).toMatchObject({
      reason: 'JOB_FAILED',
      retryable: true,
      detail: expect.stringMatching(/^Job migrate: BackoffLimitExceeded/),
    })
  })
})

describe.concurrent('a pod that is kept', () => {
  test('by a Secret that is not there is CONTAINER_CONFIG', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    await waitingPod(namespace)
    const waiting = { reason: 'CreateContainerConfigError', message: 'secret "x" not found' }
    const status = {
      containerStatuses: [
        { name: 'c', image: 'c:1', imageID: '', ready: false, restartCount: 0, state: { waiting } },
      ],
    }
    await cluster.api(namespace.pathOf('api/v1/pods/shop/status'), {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { status },
    })

    expect(await namespace.failureOf([])).toMatchObject({
      reason: 'CONTAINER_CONFIG',
      detail: 'pod shop, container c: CreateContainerConfigError: secret "x" not found',
    })
  })

  test('by a volume that cannot be mounted is VOLUME_NOT_MOUNTED', async ({ expect }) => {
    const namespace = await namespaceIn(cluster)
    const uid = await waitingPod(namespace)
    await namespace.create('api/v1/events', {
      metadata: { name: 'shop.1' },
      involvedObject: { kind: 'Pod', namespace: namespace.name, name: 'shop', uid },
      type: 'Warning',
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "data"',
    })

    expect(await namespace.failureOf([])).toMatchObject({
      reason: 'VOLUME_NOT_MOUNTED',
      detail: 'pod shop: FailedMount: MountVolume.SetUp failed for volume "data"',
    })
  })
})

type Namespace = Awaited<ReturnType<typeof namespaceIn>>

/** A quota is enforced from the moment its usage is known. */
async function limit(namespace: Namespace, hard: Record<string, string>): Promise<void> {
  await namespace.create('api/v1/resourcequotas', { metadata: { name: 'plan' }, spec: { hard } })
  await eventually(async () => {
    const { body } = await namespace.get('api/v1/resourcequotas/plan')
    if (!JSON.stringify(body).includes('"used"')) throw new Error('The quota is not counted yet')
  })
}

async function waitingPod(namespace: Namespace): Promise<string> {
  const metadata = { name: 'shop', annotations: { 'sim/ready-after': '1h' } }
  const spec = { containers: [{ name: 'c', image: 'c:1' }] }
  await namespace.create('api/v1/pods', { metadata, spec })
  return eventually(async () => {
    const [pod] = (await namespace.collect()).pods
    if (pod === undefined) throw new Error('There is no pod yet')
    return pod.uid
  })
}
