export { ConfigError, exitIfMisconfigured, parseEnvironment } from './parse-config.ts'
export {
  authVariables,
  databaseVariables,
  eventStoreVariables,
  logLevel,
  messagingVariables,
  requireAuthentication,
  serviceVariables,
} from './variables.ts'
