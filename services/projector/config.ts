import { databaseVariables, eventStoreVariables, parseEnvironment, serviceVariables } from '#config'
import { z } from 'zod'

/** Every setting, by the name of its variable. */
export const configSchema = z.object({
  ...serviceVariables,
  ...eventStoreVariables,
  ...databaseVariables,
  /** Events written in one transaction at most. */
  PROJECTOR_BATCH: z.coerce.number().int().min(1).max(10_000).default(2_000),
  /** A leader that PostgreSQL has not heard from for this time loses the lock to another projector. */
  PROJECTOR_SILENCE_MS: z.coerce.number().int().min(1_000).max(600_000).default(15_000),
})

export type ProjectorConfig = z.output<typeof configSchema>

/** The projector's configuration from an environment. Throws ConfigError with every problem. */
export const parseConfig = (env: NodeJS.ProcessEnv): ProjectorConfig =>
  parseEnvironment(configSchema, env)
