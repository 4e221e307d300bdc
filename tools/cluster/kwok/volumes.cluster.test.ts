import { eventually } from '#test/eventually'
import { testCluster } from '#test/cluster/test-cluster'
import { testNamespace } from '#test/cluster/test-namespace'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

let cluster: Awaited<ReturnType<typeof testCluster>>
let namespace: Awaited<ReturnType<typeof testNamespace>>

beforeAll(async () => {
  cluster = await testCluster()
  namespace = await testNamespace(cluster.api)
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe('a claim', () => {
  test('of the default class is bound to a volume, which goes when the claim goes', async () => {
    await createClaim('data')
    const claim = await looks('api/v1/persistentvolumeclaims/data', {
      spec: { storageClassName: 'kwok' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' } },
    })
    const { volumeName } = z
      .object({ spec: z.object({ volumeName: z.string() }) })
      .parse(claim).spec
    const path = `/api/v1/persistentvolumes/${volumeName}`
    expect((await cluster.api(path)).status).toBe(200)

    await cluster.api(namespace.pathOf('api/v1/persistentvolumeclaims/data'), { method: 'DELETE' })

    await eventually(async () => expect((await cluster.api(path)).status).toBe(404))
  })

  test('that grows has its volume grown', async () => {
    await createClaim('growing')
    await looks('api/v1/persistentvolumeclaims/growing', { status: { phase: 'Bound' } })

    const resources = { requests: { storage: '3Gi' } }
    await cluster.api(namespace.pathOf('api/v1/persistentvolumeclaims/growing'), {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { spec: { resources } },
    })

    await eventually(async () => {
      const { body } = await namespace.get('api/v1/persistentvolumeclaims/growing')
      expect(body).toMatchObject({ status: { capacity: { storage: '3Gi' } } })
    })
    const { body } = await cluster.api('/api/v1/persistentvolumes')
    expect(body).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({
          spec: expect.objectContaining({ capacity: resources.requests }),
        }),
      ]),
    })
  })

  test('of a class that does not exist stays pending, and an event names the class', async () => {
    await createClaim('lost', { storageClassName: 'nosuch' })

    await eventually(async () =>
      expect(await namespace.warnings('lost')).toEqual([
        'ProvisioningFailed: storageclass.storage.k8s.io "nosuch" not found',
      ]),
    )
    const { body } = await namespace.get('api/v1/persistentvolumeclaims/lost')
    expect(body).toMatchObject({ status: { phase: 'Pending' } })
  })
})

async function createClaim(name: string, more: object = {}): Promise<void> {
  const resources = { requests: { storage: '1Gi' } }
  const claim = { accessModes: ['ReadWriteOnce'], resources, ...more }
  await namespace.create('api/v1/persistentvolumeclaims', { metadata: { name }, spec: claim })
}

function looks(resource: string, like: object): Promise<unknown> {
  return eventually(async () => {
    const { body } = await namespace.get(resource)
    expect(body).toMatchObject(like)
    return body
  })
}
