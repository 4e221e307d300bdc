import { setTimeout as wait } from 'node:timers/promises'
import { fairClock } from '#test/fair-clock'
import type { Answer } from '#test/http/client'
import { storeIn } from '#test/http/client'
import { commandApi } from '#test/http/command-api'
import { testEventStore } from '#test/servers/test-eventstore'
import { expect, test } from 'vitest'

const AT_ONCE = 20
const TIMEOUT_MS = 1_000

type Api = Awaited<ReturnType<typeof commandApi>>

test.each<[string, (api: Api, storeId: string, n: number) => Promise<Answer>]>([
  ['deletions of one store', (api, storeId) => api.send('DELETE', `/api/stores/${storeId}`)],
  ['repetitions of one creation', (api) => api.create({ key: 'one' })],
  ['creations for one tenant', (api, _storeId, n) => api.create({ key: `key-${n}` })],
])(
  'F35: of %s that wait for each other, each is answered 503 in its own time',
  async (_what, send) => {
    await using es = await testEventStore()
    await using api = await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` })
    await using clock = fairClock(() => wait(0))
    const storeId = storeIn(await api.create()).id
    await es.kill()
    const statuses: number[] = []

    const sending = Array.from({ length: AT_ONCE }, async (_, n) => {
      const { status } = await send(api, storeId, n)
      statuses.push(status)
    })
    await clock.within(3 * TIMEOUT_MS, 'all were answered', () => statuses.length === AT_ONCE)

    await Promise.all(sending)
    expect(new Set(statuses)).toEqual(new Set([503]))
  },
)

test('F35: what was answered 503 while it waited is not done when the event store is back', async () => {
  await using es = await testEventStore()
  await using api = await commandApi(es.url, { EVENTSTORE_TIMEOUT_MS: `${TIMEOUT_MS}` })
  await api.create()
  await es.kill()
  const refused = await Promise.all(Array.from({ length: AT_ONCE }, () => api.create()))
  expect(refused.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(503))

  await es.restart()

  await expect
    .poll(async () => (await api.create({ key: 'after' })).status, { timeout: 30_000 })
    .toBe(202)
  expect(await api.slotEvents()).toHaveLength(2)
})
