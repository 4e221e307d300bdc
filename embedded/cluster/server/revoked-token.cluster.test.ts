import { testCluster } from '#test/test-cluster'
import { eventually } from '#test/eventually'
import { expect, test } from 'vitest'
import { z } from 'zod'

const tokenRequest = z.object({ status: z.object({ token: z.string() }) })
const created = z.object({ metadata: z.object({ uid: z.string() }) })

test('a token bound to a Secret is good while the Secret is there, and refused once it is gone', async () => {
  await using cluster = await testCluster()
  const namespace = `/api/v1/namespaces/${await cluster.namespace()}`
  const post = async (path: string, body: object) =>
    (await cluster.api(path, { method: 'POST', body })).body
  const secret = await post(`${namespace}/secrets`, { metadata: { name: 'claim-1' } })
  const { uid } = created.parse(secret).metadata
  const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name: 'claim-1', uid }
  const path = `${namespace}/serviceaccounts/default/token`
  const answer = await post(path, { spec: { boundObjectRef, expirationSeconds: 600 } })
  const { token } = tokenRequest.parse(answer).status
  const asHolder = async () => (await cluster.api('/version', { token })).status
  expect(await asHolder()).toBe(200)

  await cluster.api(`${namespace}/secrets/claim-1`, { method: 'DELETE' })

  const since = performance.now()
  await eventually(async () => expect(await asHolder()).toBe(401), { timeoutMs: 60_000 })
  // For the reader: it decides how long a take-over has to wait.
  process.stdout.write(`refused after ${((performance.now() - since) / 1_000).toFixed(1)} s\n`)
})
