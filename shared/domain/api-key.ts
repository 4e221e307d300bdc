import { AppError } from './app-error.ts'
import type { Decider } from './decider.ts'

/** What a caller may do; each role includes those before it. An operator acts for any tenant. */
export const roles = ['read', 'write', 'admin', 'operator'] as const
export type Role = (typeof roles)[number]

/** Instead of a tenant: the key of an operator. */
export const anyTenant = '*'

/** The stored events of an API key. The key itself is in none of them. */
export type ApiKeyEvent =
  | { type: 'ApiKeyCreated'; data: ApiKeyCreated }
  | { type: 'ApiKeyRevoked'; data: { revokedAt: string } }

export interface ApiKeyCreated {
  id: string
  /** Whose stores it reaches; `*` for an operator's. */
  tenantId: string
  name: string
  roles: Role[]
  /** SHA-256 of the key's text, in hex. */
  hash: string
  expiresAt?: string
  createdAt: string
}

export type ApiKeyCommand =
  ({ type: 'CreateApiKey' } & ApiKeyCreated) | { type: 'RevokeApiKey'; now: string }

export type ApiKeyState =
  | { status: 'absent' }
  | { status: 'active'; key: ApiKeyCreated }
  | { status: 'revoked'; key: ApiKeyCreated; revokedAt: string }

export const apiKey: Decider<ApiKeyState, ApiKeyCommand, ApiKeyEvent> = {
  initialState: () => ({ status: 'absent' }),
  decide,
  evolve,
}

export const apiKeyStreamPrefix = 'key-'

/** The stream of an API key. */
export const apiKeyStream = (id: string): string => apiKeyStreamPrefix + id

function decide(state: ApiKeyState, command: ApiKeyCommand): ApiKeyEvent[] {
  if (command.type === 'RevokeApiKey') {
    if (state.status === 'absent') throw new AppError('KEY_NOT_FOUND', 'There is no such API key')
    if (state.status === 'revoked') return []
    return [{ type: 'ApiKeyRevoked', data: { revokedAt: command.now } }]
  }
  if (state.status !== 'absent')
    throw new AppError('CONCURRENT_MODIFICATION', 'This id belongs to another API key')
  const { type: _, ...created } = command
  if (created.roles.includes('operator') !== (created.tenantId === anyTenant))
    throw new AppError(
      'REQUEST_INVALID',
      'The role operator is for a key without a tenant, and such a key has that role',
    )
  return [{ type: 'ApiKeyCreated', data: created }]
}

function evolve(state: ApiKeyState, event: ApiKeyEvent): ApiKeyState {
  if (event.type === 'ApiKeyCreated') return { status: 'active', key: event.data }
  if (state.status === 'absent') return state
  return { status: 'revoked', key: state.key, revokedAt: event.data.revokedAt }
}
