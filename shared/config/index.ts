export { ConfigError, parseEnvironment } from './parse-config.ts'
export {
  authVariables,
  databaseVariables,
  eventStoreVariables,
  messagingVariables,
  requireAuthentication,
  serviceVariables,
} from './variables.ts'
