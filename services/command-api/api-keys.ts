import { randomUUID } from 'node:crypto'
import { decodeApiKeyEvent, decodeMetadata, type KeyView, keyViewOf } from '#contracts'
import { anyTenant, apiKey, apiKeyStream, AppError, type Role } from '#domain'
import { type EventStore, handleCommand } from '#eventstore'
import { newKey } from '#http'
import type { RequestContext } from './routes/request.ts'

interface NewApiKey {
  name: string
  roles: Role[]
  expiresAt?: string | undefined
}

/** What makes and revokes API keys; the context's tenant is whose key it is, `*` for an operator's. */
export function apiKeys({ store, now }: { store: EventStore; now: () => Date }) {
  return {
    /** The new key and its text, which nothing else ever tells. Throws REQUEST_INVALID. */
    create: async (asked: NewApiKey, context: RequestContext, signal?: AbortSignal) => {
      const { id, text, hash } = newKey()
      const { name, roles } = asked
      const createdAt = now().toISOString()
      const expiresAt = asked.expiresAt && new Date(asked.expiresAt).toISOString()
      if (expiresAt !== undefined && expiresAt <= createdAt)
        throw new AppError('REQUEST_INVALID', 'expiresAt has to be later than now')
      const { tenantId } = context
      const key = { id, tenantId, name, roles, hash, createdAt, ...(expiresAt && { expiresAt }) }
      await handleCommand({
        store,
        decider: apiKey,
        decode: decodeApiKeyEvent,
        stream: apiKeyStream(id),
        command: { type: 'CreateApiKey', ...key },
        context: { ...context, commandId: randomUUID() },
        signal,
      })
      return { view: keyViewOf(key, { createdBy: context.actor }), text }
    },
    /** The revoked key. Throws KEY_NOT_FOUND, for another tenant's too. */
    revoke: async (id: string, context: RequestContext, signal?: AbortSignal): Promise<KeyView> => {
      const { state } = await handleCommand({
        store,
        decider: apiKey,
        decode: decodeApiKeyEvent,
        stream: apiKeyStream(id),
        command: { type: 'RevokeApiKey', now: now().toISOString() },
        context: { ...context, commandId: randomUUID() },
        signal,
        precondition: ({ state: found }) => {
          const owner = found.status === 'absent' ? undefined : found.key.tenantId
          if (owner === undefined || !mayReach(context.tenantId, owner)) throw notFound()
        },
      })
      if (state.status !== 'revoked') throw notFound()
      const createdBy = await creatorOf(store, id)
      return keyViewOf(state.key, { createdBy, revokedAt: state.revokedAt })
    },
  }
}

const mayReach = (tenantId: string, owner: string): boolean =>
  tenantId === anyTenant || tenantId === owner

const notFound = () => new AppError('KEY_NOT_FOUND', 'There is no such API key')

/** Who caused the first event of the key's stream. */
async function creatorOf(store: EventStore, id: string): Promise<string> {
  for await (const created of store.readStream(apiKeyStream(id), { maxCount: 1 }))
    return decodeMetadata(created).actor
  throw notFound()
}
