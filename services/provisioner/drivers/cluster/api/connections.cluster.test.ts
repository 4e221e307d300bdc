import diagnostics from 'node:diagnostics_channel'
import { testCluster } from '#test/cluster/test-cluster'
import { expect, test } from 'vitest'
import { openApi } from './client.ts'
import { loadCredentials } from './credentials.ts'
import { createObject, removeObject } from './objects.ts'

test('calls to the API server go over connections that are there', async () => {
  await using cluster = await testCluster()
  const api = openApi(loadCredentials(cluster.kubeconfig))
  let opened = 0
  const count = () => void opened++
  diagnostics.subscribe('net.client.socket', count)

  for (let n = 0; n < 10; n++) expect(await api('/version')).toMatchObject({ status: 200 })

  diagnostics.unsubscribe('net.client.socket', count)
  expect(opened).toBe(1)
})

test('an object is removed only as the one that was looked at, and the call after it is answered', async () => {
  await using cluster = await testCluster()
  const api = openApi(loadCredentials(cluster.kubeconfig))
  const object = { kind: 'Secret', namespace: await cluster.namespace(), name: 'kept' } as const
  const made = await createObject(api, object, {})
  const path = `/api/v1/namespaces/${object.namespace}/secrets/${object.name}`
  const another = { uid: '00000000-0000-4000-8000-000000000000' }

  await removeObject(api, object, another)

  expect(await api(path)).toMatchObject({ status: 200, body: { metadata: { uid: made?.uid } } })
})
