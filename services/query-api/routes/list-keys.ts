import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { keyViewOf, operations, routeOf } from '#contracts'
import { anyTenant } from '#domain'
import { callerOf, type KeyRing } from '#http'
import type { ReadModels } from '../read-models/connection.ts'

const list = routeOf(operations.listKeys)

interface Dependencies {
  keys: KeyRing
  models: ReadModels
}

/** GET /keys: the tenant's, or all of them for an operator who names none. */
export const listKeysRoute: FastifyPluginAsyncZod<Dependencies> = async (app, { keys, models }) => {
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const { tenantId } = callerOf(request)
      const shown = keys.list().filter((key) => [key.tenantId, anyTenant].includes(tenantId))
      const uses = await readUses(
        models,
        shown.map(({ id }) => id),
      )
      return reply.send({
        keys: shown.map((key) => ({
          ...keyViewOf(key, key),
          lastUsedAt: uses.get(key.id) ?? null,
        })),
      })
    })
}

/** When keys were last used, by their id. */
async function readUses(models: ReadModels, ids: string[]): Promise<Map<string, string>> {
  const rows = await models.query<{ id: string; usedAt: string }>({
    name: 'key-uses',
    text: 'select key_id as id, used_at as "usedAt" from key_uses where key_id = any($1)',
    values: [ids],
  })
  return new Map(rows.map(({ id, usedAt }) => [id, usedAt]))
}
