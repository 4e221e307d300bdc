export { AppError, errorCodes, hasCode, isRetryable, type ErrorCode } from './app-error.ts'
export type { Decider } from './decider.ts'
export type { EventMetadata } from './decider.ts'
export { takeOversMax } from './store/claim.ts'
export type { ClaimStore, RequestStore, RequestUpgrade, StoreCommand } from './store/commands.ts'
export {
  engines,
  plans,
  workKinds,
  type Claim,
  type Engine,
  type PlacedOrder,
  type Plan,
  type StepDetail,
  type StoreEvent,
  type StoreRequested,
  type WorkKind,
} from './store/events.ts'
export { failureReasons, type Failure, type FailureReason } from './store/failure.ts'
export { openClaim, pendingWork, wantedRequest } from './store/pending-work.ts'
export { releaseNameOf } from './store/release-name.ts'
export { storeStatuses, type StoreState, type StoreStatus } from './store/state.ts'
export { store, storeStream } from './store/decider.ts'
export {
  isAbandoned,
  mayExist,
  slotReleaseReasons,
  tenant,
  tenantStream,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
} from './tenant.ts'
