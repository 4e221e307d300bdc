import { databaseVariables, eventStoreVariables, parseEnvironment, serviceVariables } from '#config'
import { z } from 'zod'

const schema = z.object({
  ...serviceVariables,
  ...eventStoreVariables,
  ...databaseVariables,
  /** Events written in one transaction at most. */
  PROJECTOR_BATCH: z.coerce.number().int().min(1).max(10_000).default(2_000),
})

export type ProjectorConfig = z.output<typeof schema>

/** The projector's configuration from an environment. Throws ConfigError with every problem. */
export const parseConfig = (env: NodeJS.ProcessEnv): ProjectorConfig =>
  parseEnvironment(schema, env)
