import { testCluster } from '#test/cluster/test-cluster'
import { testNamespace } from '#test/cluster/test-namespace'
import { eventually } from '#test/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Fault } from './stage.ts'

let cluster: Awaited<ReturnType<typeof testCluster>>
let namespace: Awaited<ReturnType<typeof testNamespace>>

beforeAll(async () => {
  cluster = await testCluster()
  namespace = await testNamespace(cluster.api)
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('a pod', () => {
  test('of a Deployment is ready by itself, and so is the Deployment', async () => {
    await namespace.create('apis/apps/v1/deployments', {
      metadata: { name: 'shop' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'shop' } },
        template: { metadata: { labels: { app: 'shop' } }, spec: spec() },
      },
    })

    await eventually(async () => {
      const { body } = await namespace.get('apis/apps/v1/deployments/shop')
      expect(body).toMatchObject({ status: { readyReplicas: 2 } })
    })
  })

  test('has an address and a log', async () => {
    await namespace.create('api/v1/pods', { metadata: { name: 'plain' }, spec: spec() })
    await looks('api/v1/pods/plain', { status: { podIP: expect.stringContaining('10.244.') } })
    await cluster.setPodLog(['first line', 'last line'])

    const { body } = await namespace.get('api/v1/pods/plain/log?tailLines=1')

    expect(body).toBe('last line\n')
  })

  test('waits for as long as its annotation says', async () => {
    const slow = { 'sim/ready-after': '1h' }
    const soon = { 'sim/ready-after': '1s' }
    await namespace.create('api/v1/pods', {
      metadata: { name: 'slow', annotations: slow },
      spec: spec(),
    })
    await namespace.create('api/v1/pods', {
      metadata: { name: 'soon', annotations: soon },
      spec: spec(),
    })

    await looks('api/v1/pods/soon', { status: { phase: 'Running' } })

    const { body } = await namespace.get('api/v1/pods/slow')
    expect(body).toMatchObject({ spec: { nodeName: 'kwok' }, status: { phase: 'Pending' } })
  })

  test('that asks for more than the node has is not scheduled, and an event says so', async () => {
    const resources = { requests: { cpu: '1000' } }
    await namespace.create('api/v1/pods', { metadata: { name: 'huge' }, spec: spec({ resources }) })

    await eventually(async () =>
      expect(await namespace.warnings('huge')).toContainEqual(
        expect.stringMatching(/^FailedScheduling: 0\/1 nodes are available: 1 Insufficient cpu/),
      ),
    )
  })

  test('with a fault nobody knows says which there are', async () => {
    await createFaulty('odd')

    await eventually(async () =>
      expect(await namespace.warnings('odd')).toEqual([
        'UnknownFault: sim/fault takes crashloop, oomkilled, initcrash, imagepull, neverready, jobfail',
      ]),
    )
  })
})

describe('a fault', () => {
  const crashLoop = { waiting: { reason: 'CrashLoopBackOff' } }
  const cases: { fault: Fault; status: object; warning: string }[] = [
    {
      fault: 'crashloop',
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            ready: false,
            restartCount: 3,
            state: crashLoop,
            lastState: { terminated: { exitCode: 1 } },
          },
        ],
      },
      warning: 'BackOff: Back-off restarting failed container c in pod crashloop',
    },
    {
      fault: 'oomkilled',
      status: {
        containerStatuses: [
          {
            state: crashLoop,
            lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
          },
        ],
      },
      warning: 'BackOff: Back-off restarting failed container c in pod oomkilled',
    },
    {
      fault: 'initcrash',
      status: {
        phase: 'Pending',
        initContainerStatuses: [{ ready: false, state: crashLoop }],
        containerStatuses: [{ state: { waiting: { reason: 'PodInitializing' } } }],
      },
      warning: 'BackOff: Back-off restarting failed container',
    },
    {
      fault: 'imagepull',
      status: {
        phase: 'Pending',
        containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }],
      },
      warning: 'Failed: Failed to pull image "shop:1": not found',
    },
    {
      fault: 'neverready',
      status: { phase: 'Running', containerStatuses: [{ ready: false, started: true }] },
      warning: 'Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503',
    },
  ]

  test.for(cases)('$fault looks as a kubelet reports it', async ({ fault, status, warning }) => {
    await createFaulty(fault)

    await looks(`api/v1/pods/${fault}`, { status })

    await eventually(async () =>
      expect(await namespace.warnings(fault)).toContainEqual(expect.stringContaining(warning)),
    )
  })

  test('can be asked for by an image as well, as a chart passes it on', async () => {
    const image = 'sim.invalid/imagepull:1.2'
    await namespace.create('api/v1/pods', { metadata: { name: 'by-image' }, spec: spec({ image }) })

    await eventually(async () => {
      const { body } = await namespace.get('api/v1/pods/by-image')
      const state = { waiting: { reason: 'ImagePullBackOff' } }
      expect(body).toMatchObject({ status: { containerStatuses: [{ state }] } })
    })
  })

  test('jobfail fails a Job for good, while a Job without it completes', async () => {
    await createJob('good', {})
    await createJob('bad', { 'sim/fault': 'jobfail' })

    await looks('apis/batch/v1/jobs/good', { status: { succeeded: 1 } })
    await looks('apis/batch/v1/jobs/bad', {
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ type: 'Failed', reason: 'BackoffLimitExceeded' }),
        ]),
      },
    })
  })
})

function spec(container: object = {}) {
  return {
    initContainers: [{ name: 'init', image: 'init:1' }],
    containers: [{ name: 'c', image: 'shop:1', ...container }],
  }
}

async function createFaulty(fault: string): Promise<void> {
  const metadata = { name: fault, labels: { 'sim/fault': fault } }
  await namespace.create('api/v1/pods', { metadata, spec: spec() })
}

async function createJob(name: string, labels: object): Promise<void> {
  const template = { metadata: { labels }, spec: { ...spec(), restartPolicy: 'Never' } }
  const job = { metadata: { name }, spec: { backoffLimit: 0, template } }
  await namespace.create('apis/batch/v1/jobs', job)
}

function looks(resource: string, like: object): Promise<unknown> {
  return eventually(async () => {
    const { body } = await namespace.get(resource)
    expect(body).toMatchObject(like)
    return body
  })
}
