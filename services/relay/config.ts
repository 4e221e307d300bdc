import {
  eventStoreVariables,
  messagingVariables,
  parseEnvironment,
  serviceVariables,
} from '#config'
import { z } from 'zod'

/** Every setting, by the name of its variable. */
export const configSchema = z.object({
  ...serviceVariables,
  ...eventStoreVariables,
  ...messagingVariables,
  /** Messages sent and not yet acknowledged, at most. */
  RELAY_WINDOW: z.coerce.number().int().min(1).max(10_000).default(1_000),
})

export type RelayConfig = z.output<typeof configSchema>

/** The relay's configuration from an environment. Throws ConfigError with every problem. */
export const parseConfig = (env: NodeJS.ProcessEnv): RelayConfig =>
  parseEnvironment(configSchema, env)

const resyncSchema = z.object({
  ...messagingVariables,
  LOG_LEVEL: serviceVariables.LOG_LEVEL,
})

/** What the resync command needs of the environment. Throws ConfigError with every problem. */
export const parseResyncConfig = (env: NodeJS.ProcessEnv): z.output<typeof resyncSchema> =>
  parseEnvironment(resyncSchema, env)
