export { authOf } from './auth/authenticate.ts'
export type { AuthOptions } from './auth/authenticate.ts'
export { followKeys, hashOf, newKey, type KeyRing, type KnownKey } from './auth/api-keys.ts'
export { callerOf, isTenantId, type Caller } from './auth/caller.ts'
export {
  bodyLimit,
  buildServer,
  serverLimits,
  type HttpServer,
  type ServerOptions,
} from './build-server.ts'
export { clientAddresses } from './client-address.ts'
export { closeWithin } from './close.ts'
export { followLimits, type LimitsOf } from './limits.ts'
export { answerBrokenRequests } from './problems/client-error.ts'
export { problemHeaders, problemMediaType, problemOf, type Problem } from './problems/problem.ts'
export { openApiDocument } from './openapi/document.ts'
export { securityHeaders, varyOf } from './security-headers.ts'
export { opaqueIds, type OpaqueIds } from './opaque-ids.ts'
export { reportReadiness, wholeStatus } from './health.ts'
export type { HealthCheck } from './health.ts'
export { loggableUrl, traceOf } from './request-log.ts'
