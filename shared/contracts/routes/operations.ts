import { operationStoresMax } from '#domain'
import { auditOperations } from './audit.ts'
import {
  exampleOperation,
  listOperationsQuery,
  oneOperation,
  operationDryRun,
  operationPage,
  operationResultPage,
  operationResultsQuery,
  requestOperationBody,
} from './bulk-operations.ts'
import {
  createHeaders,
  createKeyBody,
  keyParams,
  positionHeaders,
  readQuery,
  storeParams,
  writeHeaders,
} from '../http-requests.ts'
import { ofAppends, ofLog, ofReadModels, ofUnkeyed, type Operation } from './operation.ts'
import { exampleKey, exampleStore, keyList, oneKey, oneNewKey } from '../http-views.ts'
import { storeOperations } from './store-operations.ts'
import { tenantOperations } from './tenants.ts'

const accepted = {
  status: 202,
  description: 'Accepted and stored; the work is done afterwards. Follow `Location`.',
  body: oneOperation,
  headers: ['Location', 'Retry-After', 'X-Position', 'Idempotency-Replayed'],
  example: { operation: exampleOperation },
} as const

/** Operations over many stores at once. */
const bulkOperations = {
  listOperations: {
    operationId: 'listOperations',
    method: 'GET',
    path: '/operations',
    policy: 'read',
    tag: 'Operations',
    summary: 'List operations',
    description: 'The newest first.',
    schema: {
      querystring: listOperationsQuery,
      headers: positionHeaders,
    },
    answer: {
      status: 200,
      description: 'A page of operations',
      body: operationPage,
      headers: ['Link', 'X-Position', 'X-Read-Lag'],
      example: {
        operations: [exampleOperation],
        pagination: { limit: 50, hasMore: false, nextCursor: null },
      },
    },
    errors: ofReadModels,
  },
  requestOperation: {
    operationId: 'requestOperation',
    method: 'POST',
    path: '/operations',
    policy: 'write',
    tag: 'Operations',
    summary: 'Do one thing with many stores',
    description:
      `Selects the stores once, ${operationStoresMax} at most, and then sends each the ordinary command. ` +
      '`delete` needs the role `admin`. With `dryRun` nothing is stored and nothing changes.',
    schema: {
      headers: createHeaders.extend(positionHeaders.shape),
      body: requestOperationBody,
    },
    exampleBody: { action: 'retry', filter: { status: 'failed', label: { team: 'shop' } } },
    answer: {
      ...accepted,
      also: {
        status: 200,
        description: 'With `dryRun`: how many stores it would be, and some of their ids',
        body: operationDryRun,
        example: { dryRun: { count: 30, sample: [exampleStore.id] } },
      },
    },
    errors: [
      ...ofAppends,
      ...ofReadModels,
      'TENANT_SUSPENDED',
      'OPERATIONS_OFF',
      'SELECTION_TOO_LARGE',
    ],
  },
  getOperation: {
    operationId: 'getOperation',
    method: 'GET',
    path: '/operations/:id',
    policy: 'read',
    tag: 'Operations',
    summary: 'One operation and how far it is',
    schema: { params: storeParams, querystring: readQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'The operation',
      body: oneOperation,
      headers: ['X-Position', 'X-Read-Lag'],
      example: { operation: exampleOperation },
    },
    errors: [...ofLog, ...ofReadModels, 'ROUTE_NOT_FOUND', 'OPERATION_NOT_FOUND'],
  },
  listOperationResults: {
    operationId: 'listOperationResults',
    method: 'GET',
    path: '/operations/:id/results',
    policy: 'read',
    tag: 'Operations',
    summary: 'What came of each store',
    description: 'In the order they were tried; stores that were not tried yet are not listed.',
    schema: {
      params: storeParams,
      querystring: operationResultsQuery,
      headers: positionHeaders,
    },
    answer: {
      status: 200,
      description: 'A page of results',
      body: operationResultPage,
      headers: ['Link', 'X-Position', 'X-Read-Lag'],
      example: {
        results: [{ storeId: exampleStore.id, outcome: 'refused', code: 'STORE_IN_WRONG_STATE' }],
        pagination: { limit: 50, hasMore: false, nextCursor: null },
      },
    },
    errors: [...ofLog, ...ofReadModels, 'ROUTE_NOT_FOUND', 'OPERATION_NOT_FOUND'],
  },
  cancelOperation: {
    operationId: 'cancelOperation',
    method: 'POST',
    path: '/operations/:id/cancel',
    policy: 'write',
    tag: 'Operations',
    summary: 'Stop an operation',
    description: 'The stores that are left stay as they are; what was done is not undone.',
    schema: { params: storeParams, headers: writeHeaders },
    answer: { ...accepted, example: { operation: { ...exampleOperation, status: 'cancelling' } } },
    errors: [...ofUnkeyed, 'ROUTE_NOT_FOUND', 'OPERATION_NOT_FOUND', 'OPERATION_ENDED'],
  },
} as const satisfies Record<string, Operation>

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
  ...bulkOperations,
  ...tenantOperations,
} as const satisfies Record<string, Operation>
