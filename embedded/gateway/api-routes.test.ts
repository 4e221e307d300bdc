import { expect, test } from 'vitest'
import { openEventStore } from '#eventstore'
import { opaqueIds } from '#http'
import { createLogger } from '#observability'
import { openPool } from '#postgres'
import { buildApp as buildCommandApi } from '../../services/command-api/app.ts'
import { buildApp as buildQueryApi } from '../../services/query-api/app.ts'
import { freshness } from '../../services/query-api/freshness.ts'
import { readModels } from '../../services/query-api/read-models/connection.ts'
import { apiRoutes } from '../../shared/http/problems/allowed-methods.ts'

test('the list of the API’s routes is what both services serve together', async () => {
  const logger = createLogger({ service: 'test', level: 'silent' })
  const store = openEventStore({ connectionString: 'esdb://127.0.0.1:1?tls=false', logger })
  const pool = openPool({ url: 'postgres://127.0.0.1:1/nowhere', logger })
  const both = { store, ids: opaqueIds('of this test'), logger, auth: { mode: 'off' } } as const
  const apps = [
    buildCommandApi({ ...both, timeoutMs: 5_000, storesMax: 1, now: () => new Date() }),
    buildQueryApi({
      ...both,
      models: readModels(pool),
      freshness: freshness({ readPosition: async () => 0n }),
      keys: {
        find: () => undefined,
        list: () => [],
        takeUses: () => new Map(),
        check: async () => {},
      },
      lagSeconds: () => undefined,
      heartbeatMs: 1_000,
      storesMax: 1,
    }),
  ]
  const served: Record<string, Set<string>> = {}
  for (const app of apps) {
    app.addHook('onRoute', ({ url, method }) => {
      if (!url.startsWith('/api/')) return
      const methods = (served[url] ??= new Set())
      for (const one of [method].flat()) methods.add(one)
    })
    await app.ready()
  }

  const sorted = (routes: Record<string, Iterable<string>>) =>
    Object.fromEntries(
      Object.entries(routes).map(([url, methods]) => [url, [...methods].toSorted()]),
    )
  expect(sorted(served)).toEqual(sorted(apiRoutes))

  await Promise.all([...apps.map((app) => app.close()), store.close(), pool.end()])
})
