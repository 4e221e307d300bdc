export { ConfigError, exitIfMisconfigured, parseEnvironment } from './parse-config.ts'
export {
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
