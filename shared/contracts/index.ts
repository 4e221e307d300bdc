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
  requestStoreBody,
  storeName,
  storeParams,
  upgradeStoreBody,
  type ListStoresQuery,
  type Preconditions,
  type RequestStoreBody,
  type UpgradeStoreBody,
} from './http-requests.ts'
export { basePath, errorsOfAll, routeOf, tags, type Operation } from './operation.ts'
export { operations } from './operations.ts'
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
  decodeApiKeyEvent,
  decodeMetadata,
  decodeStoreEvent,
  decodeTenantEvent,
  schemaVersion,
  storeEventTypes,
} from './stored-events.ts'
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
} from './tenants.ts'
