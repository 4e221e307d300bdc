import {
  commandHeaders,
  createHeaders,
  getStoreQuery,
  listEventsQuery,
  listStoresQuery,
  positionHeaders,
  preconditionHeaders,
  storeParams,
  streamHeaders,
  streamQuery,
} from './http-requests.ts'
import { eventPage, exampleStore, oneStore, storePage, streamEvent } from './http-views.ts'
import { ofAppends, ofChanges, ofLog, ofReadModels, type Operation } from './operation.ts'
import { requestStoreBody, upgradeStoreBody } from './store-bodies.ts'

const accepted = {
  status: 202,
  description: 'Accepted and stored; the work is done afterwards. Follow `Location`.',
  body: oneStore,
  headers: ['ETag', 'Location', 'Retry-After', 'X-Position', 'Idempotency-Replayed'],
  example: { store: exampleStore },
} as const
const change = {
  policy: 'write',
  tag: 'Stores',
  schema: { params: storeParams, headers: commandHeaders },
  answer: accepted,
  errors: ofChanges,
} as const

/** The operations on stores and their history. */
export const storeOperations = {
  listStores: {
    operationId: 'listStores',
    method: 'GET',
    path: '/stores',
    policy: 'read',
    tag: 'Stores',
    summary: 'List stores',
    description:
      "The tenant's stores, a page at a time. Deleted ones are listed with `status=deleted` only.",
    schema: { querystring: listStoresQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'A page of stores',
      body: storePage,
      headers: ['Link', 'X-Position', 'X-Read-Lag'],
      example: {
        stores: [exampleStore],
        pagination: { total: 1, limit: 50, offset: 0, hasMore: false, nextCursor: null },
      },
    },
    errors: ofReadModels,
  },
  createStore: {
    operationId: 'createStore',
    method: 'POST',
    path: '/stores',
    policy: 'write',
    tag: 'Stores',
    summary: 'Request a store',
    description: 'With an `Idempotency-Key` one store exists, however often the request is sent.',
    schema: { headers: createHeaders, body: requestStoreBody },
    exampleBody: {
      name: 'Test Store',
      engine: 'woocommerce',
      labels: { team: 'shop' },
      reference: 'order-1',
    },
    answer: accepted,
    errors: [...ofAppends, 'QUOTA_EXCEEDED', 'STORE_DELETED', 'REFERENCE_TAKEN'],
  },
  streamStores: {
    operationId: 'streamStores',
    method: 'GET',
    path: '/stores/stream',
    policy: 'read',
    tag: 'Stores',
    summary: 'Changes of stores as they happen (server-sent events)',
    description:
      'The first event is `open`; `store` has the whole store; after `reset` read the list again. ' +
      '`Last-Event-ID` continues behind an event. A stream ends after 15 minutes at the latest.',
    schema: { querystring: streamQuery, headers: streamHeaders },
    answer: {
      status: 200,
      description: 'A stream of events',
      body: streamEvent,
      isStream: true,
      headers: ['X-Position', 'X-Read-Lag'],
      example: 'retry: 2000\nid: VIOsYim1QoFvdxl42Ilwqg\nevent: open\ndata: {}\n\n: heartbeat\n\n',
    },
    errors: ofReadModels,
  },
  getStore: {
    operationId: 'getStore',
    method: 'GET',
    path: '/stores/:id',
    policy: 'read',
    tag: 'Stores',
    summary: 'One store, now or as it was',
    schema: {
      params: storeParams,
      querystring: getStoreQuery,
      headers: positionHeaders.extend(preconditionHeaders.shape),
    },
    answer: {
      status: 200,
      description: 'The store',
      body: oneStore,
      headers: ['ETag', 'X-Position', 'X-Read-Lag'],
      example: { store: exampleStore },
      isConditional: true,
    },
    errors: [
      ...ofLog,
      ...ofReadModels,
      'ROUTE_NOT_FOUND',
      'STORE_NOT_FOUND',
      'STORE_DELETED',
      'PRECONDITION_FAILED',
    ],
  },
  listStoreEvents: {
    operationId: 'listStoreEvents',
    method: 'GET',
    path: '/stores/:id/events',
    policy: 'read',
    tag: 'History',
    summary: 'What happened to a store',
    description: 'Oldest first, also after the store was deleted.',
    schema: { params: storeParams, querystring: listEventsQuery, headers: positionHeaders },
    answer: {
      status: 200,
      description: 'A page of events',
      body: eventPage,
      headers: ['Link', 'X-Position', 'X-Read-Lag'],
      example: { events: [], pagination: { limit: 50, hasMore: false, nextFrom: null } },
    },
    errors: [...ofLog, ...ofReadModels, 'ROUTE_NOT_FOUND', 'STORE_NOT_FOUND'],
  },
  deleteStore: {
    ...change,
    operationId: 'deleteStore',
    method: 'DELETE',
    path: '/stores/:id',
    summary: 'Delete the store',
    description: 'Its history stays.',
  },
  retryStore: {
    ...change,
    operationId: 'retryStore',
    method: 'POST',
    path: '/stores/:id/retry',
    summary: 'Try a failed store again',
  },
  cancelStore: {
    ...change,
    operationId: 'cancelStore',
    method: 'POST',
    path: '/stores/:id/cancel',
    summary: 'Cancel a store that is being provisioned',
  },
  upgradeStore: {
    ...change,
    operationId: 'upgradeStore',
    method: 'POST',
    path: '/stores/:id/upgrade',
    summary: 'Move a ready store to a larger plan, or to the current chart and images',
    schema: { ...change.schema, body: upgradeStoreBody },
    exampleBody: { plan: 'large' },
    errors: [...ofChanges, 'PLAN_TOO_SMALL'],
  },
} as const satisfies Record<string, Operation>
