export { connectionOptions, connectMessaging, type MessagingOptions } from './connect.ts'
export { ifPresent } from './api-errors.ts'
export type { Messaging } from './messaging.ts'
export { untilConnected } from './connect.ts'
export { openLeases, type Leases } from './lease/leases.ts'
export type { LeaseStatus } from './lease/expiry.ts'
export { openSemaphore, type Permit, type Semaphore } from './semaphore/semaphore.ts'
export { awaitTopology, checkTopology, ensureTopology, replicasOn } from './ensure-topology.ts'
export { explainRefusal } from './explain-refusal.ts'
export {
  bucketBytes,
  defaultTimings,
  leaseStream,
  permitStream,
  type WorkTimings,
  workTimings,
} from './topology.ts'
export { headerNames } from './work-message.ts'
export { nextWork, type NextWorkOptions } from './pull.ts'
export { notify } from './notify.ts'
export type { WorkMessage } from './work-message.ts'
