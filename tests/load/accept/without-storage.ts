import { buildServer, opaqueIds } from '#http'
import { createLogger } from '#observability'
import { createStoreRoute } from '../../../services/command-api/routes/create-store.ts'

// The command API's own POST without the event store: what HTTP, validation and authentication cost alone.

const logger = createLogger({ service: 'without-storage', level: 'info' })
const app = buildServer({
  service: 'without-storage',
  logger,
  auth: { mode: 'off' },
  rateLimitPerMinute: 1_000_000_000,
})
app.register(createStoreRoute, {
  ids: opaqueIds('of this bench'),
  createStore: async ({ context: { tenantId }, body, count }) => {
    await count()
    const storeId = '00000000-0000-4000-8000-000000000000'
    const requestedAt = new Date().toISOString()
    const requested = { storeId, tenantId, ...body, fingerprint: 'f', requestedAt }
    return { requested, position: 1n, replayed: false }
  },
})
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' })
