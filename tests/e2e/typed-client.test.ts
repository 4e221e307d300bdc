import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { heldFetch } from '#test/stack/store-client'
import { createClient, dataOf } from '../../clients/typescript/src/index.ts'

const operatorKey = 'operator-key-of-these-tests-0123456789'

test('a store is requested, awaited, listed and deleted through the typed client, with a key it made', async () => {
  await using stack = await npmStart({ AUTH: 'keys', OPERATOR_KEY: operatorKey })
  const at = { baseUrl: stack.url, fetch: heldFetch }
  const operator = createClient({ ...at, credential: operatorKey, tenant: 'acme' })
  const { secret } = dataOf(
    await operator.api.POST('/api/v1/keys', { body: { name: 'panel', roles: ['write'] } }),
  )
  const { api, stores, waitUntilReady } = createClient({ ...at, credential: secret })
  const listed = async () => {
    const ids = []
    for await (const { id } of stores({ q: 'typed' })) ids.push(id)
    return ids
  }
  // Both services have to hear of the key.
  const { store } = await eventually(async () =>
    dataOf(
      await api.POST('/api/v1/stores', {
        body: { name: 'Typed Store', engine: 'woocommerce' },
        // Which the front does not believe.
        headers: { 'x-forwarded-for': '203.0.113.9' },
      }),
    ),
  )
  const params = { path: { id: store.id } }

  const ready = await eventually(() => waitUntilReady(store.id))
  expect(ready).toMatchObject({ status: 'ready', tenantId: 'acme', attempt: 1 })
  await eventually(async () => expect(await listed()).toEqual([store.id]))

  dataOf(await api.DELETE('/api/v1/stores/{id}', { params }))
  await eventually(async () => {
    expect((await api.GET('/api/v1/stores/{id}', { params })).response.status).toBe(410)
    expect(await listed()).toEqual([])
  })
  const { events } = dataOf(await api.GET('/api/v1/stores/{id}/events', { params }))
  expect(events.at(-1)).toMatchObject({ type: 'StoreDeleted' })
  expect(events[0]).toMatchObject({ address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/) })
})
