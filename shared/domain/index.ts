export {
  anyTenant,
  apiKey,
  apiKeyStream,
  apiKeyStreamPrefix,
  roles,
  type ApiKeyCreated,
  type ApiKeyEvent,
  type ApiKeyState,
  type Role,
} from './api-key.ts'
export { AppError, errorCodes, hasCode, isRetryable, type ErrorCode } from './app-error.ts'
export type { Decider, EventMetadata } from './decider.ts'
export {
  isEnded,
  operation,
  operationActions,
  operationIdOfStream,
  operationNotFound,
  operationOutcomes,
  operationStatuses,
  operationStoresMax,
  operationStream,
  operationStreamPrefix,
  placeOf,
  type ExistingOperation,
  type OperationAction,
  type OperationEvent,
  type OperationFilter,
  type OperationRequested,
  type OperationResult,
  type OperationState,
} from './operation.ts'
export {
  reference,
  referenceReleaseReasons,
  referenceStream,
  referenceTaken,
  type EndedHold,
  type Hold,
  type ReferenceEvent,
  type ReferenceState,
} from './reference.ts'
export { takeOversMax } from './store/claim.ts'
export type {
  ClaimStore,
  RequestChange,
  RequestStore,
  RequestUpgrade,
  StoreCommand,
} from './store/commands.ts'
export { store } from './store/decide.ts'
export { countries, currenciesOf } from './store/parameters.ts'
export {
  engines,
  failureReasons,
  labelsMax,
  plans,
  workKinds,
  type Claim,
  type Engine,
  type Failure,
  type FailureReason,
  type PlacedOrder,
  type Plan,
  type StepDetail,
  type StoreChanges,
  type StoreEvent,
  type StoreParameters,
  type StoreRequested,
  type WorkKind,
} from './store/events.ts'
export { releaseNameOf, storeStream } from './store/state.ts'
export {
  openClaim,
  pendingWork,
  storeStatuses,
  wantedRequest,
  type StoreState,
  type StoreStatus,
} from './store/state.ts'
export {
  isAbandoned,
  mayExist,
  slotReleaseReasons,
  tenant,
  tenantIdOfStream,
  tenantStream,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
} from './tenant.ts'
export {
  isSettingEvent,
  nothingSet,
  settingsAfter,
  settingsTypePrefix,
  type TenantLimits,
  type TenantSettingEvent,
  type TenantSettings,
} from './tenant-settings.ts'
