import { auditOperations } from './audit.ts'
import { createKeyBody, keyParams, readQuery, writeHeaders } from './http-requests.ts'
import { ofUnkeyed, type Operation } from './operation.ts'
import { exampleKey, keyList, oneKey, oneNewKey } from './http-views.ts'
import { storeOperations } from './store-operations.ts'
import { tenantOperations } from './tenants.ts'

/** Every operation of the API, whichever service serves it. */
export const operations = {
  ...storeOperations,
  ...auditOperations,
  listKeys: {
    operationId: 'listKeys',
    method: 'GET',
    path: '/keys',
    policy: 'admin',
    anyTenant: true,
    tag: 'Keys',
    summary: 'List API keys',
    description: 'Revoked and expired ones too. Without a tenant an operator gets those of all.',
    schema: { querystring: readQuery },
    answer: {
      status: 200,
      description: 'The keys',
      body: keyList,
      headers: ['X-Position', 'X-Read-Lag'],
      example: { keys: [{ ...exampleKey, lastUsedAt: '2026-01-02T00:00:00.000Z' }] },
    },
    errors: ['DATABASE_UNAVAILABLE'],
  },
  createKey: {
    operationId: 'createKey',
    method: 'POST',
    path: '/keys',
    policy: 'admin',
    anyTenant: true,
    tag: 'Keys',
    summary: 'Make an API key',
    description:
      'Every request makes a key of its own. Without a tenant an operator makes the key of an operator.',
    schema: { headers: writeHeaders, body: createKeyBody },
    exampleBody: { name: 'panel', roles: ['write'] },
    answer: {
      status: 201,
      description: 'The key, and the only time its text is shown',
      body: oneNewKey,
      headers: ['Location'],
      example: {
        key: exampleKey,
        secret: 'sw_0f3a5c7e9b1d2f48_1JpQ3k9vTz6yXw0bRnC5dGh8LmFs2aUeKoVi7tYxPqB0a1B2c',
      },
    },
    errors: ofUnkeyed,
  },
  revokeKey: {
    operationId: 'revokeKey',
    method: 'DELETE',
    path: '/keys/:id',
    policy: 'admin',
    anyTenant: true,
    tag: 'Keys',
    summary: 'Revoke an API key',
    description: 'Within a second no process takes it any more, and its live streams end.',
    schema: { params: keyParams, headers: writeHeaders },
    answer: {
      status: 200,
      description: 'The revoked key; the same for a repetition',
      body: oneKey,
      example: { key: { ...exampleKey, revokedAt: '2026-01-02T00:00:00.000Z' } },
    },
    errors: [...ofUnkeyed, 'ROUTE_NOT_FOUND', 'KEY_NOT_FOUND'],
  },
  ...tenantOperations,
} as const satisfies Record<string, Operation>
