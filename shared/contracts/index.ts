export {
  commandHeaders,
  createHeaders,
  createKeyBody,
  getStoreQuery,
  isNamed,
  listEventsQuery,
  listStoresQuery,
  matches,
  positionHeaders,
  preconditionHeaders,
  storeParams,
  type AuditQuery,
  type ListStoresQuery,
  type Point,
  type Preconditions,
} from './http-requests.ts'
export {
  operationViewOf,
  type OperationCause,
  type OperationView,
  type RequestOperationBody,
} from './routes/bulk-operations.ts'
export {
  changeStoreBody,
  requestStoreBody,
  storeName,
  upgradeStoreBody,
  type RequestStoreBody,
  type UpgradeStoreBody,
} from './store-bodies.ts'
export { type AuditEntry, type Diagnosis, type StoreDifference } from './routes/audit.ts'
export { basePath, errorsOfAll, routeOf, tags, type Operation } from './routes/operation.ts'
export { operations } from './routes/operations.ts'
export {
  eventPage,
  eventView,
  keyView,
  keyViewOf,
  oneNewKey,
  oneStore,
  storePage,
  streamEvent,
  storeView,
  storeViewOf,
  type EventView,
  type KeyView,
  type StoreView,
} from './http-views.ts'
export {
  decodeMetadata,
  decodeStoreEvent,
  schemaVersion,
  storeEventTypes,
} from './stored-events.ts'
export {
  decodeApiKeyEvent,
  decodeOperationEvent,
  decodeReferenceEvent,
  decodeTenantEvent,
} from './tenant-events.ts'
export {
  eventStreamName,
  eventSubject,
  provisionersConsumer,
  requestEventTypes,
  storeIdOfSubject,
  notifySubject,
  workSubjects,
} from './subjects.ts'
export {
  limitsIn,
  settingsViewOf,
  type SetTenantBody,
  type TenantDetail,
  type TenantView,
} from './routes/tenants.ts'
