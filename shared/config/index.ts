export { ConfigError, exitIfMisconfigured, parseEnvironment } from './parse-config.ts'
export { runService } from './run-service.ts'
export {
  apiVariables,
  tenantVariables,
  authKinds,
  authVariables,
  type AuthKinds,
  databaseVariables,
  eventStoreVariables,
  logLevel,
  messagingVariables,
  requireAuthentication,
  serviceVariables,
} from './variables.ts'
