export { ConfigError, exitIfMisconfigured, parseEnvironment } from './parse-config.ts'
export {
  apiVariables,
  authVariables,
  databaseVariables,
  eventStoreVariables,
  logLevel,
  messagingVariables,
  requireAuthentication,
  serviceVariables,
} from './variables.ts'
