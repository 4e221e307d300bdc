import {
  apiVariables,
  authVariables,
  databaseVariables,
  eventStoreVariables,
  parseEnvironment,
  requireAuthentication,
  serviceVariables,
  tenantVariables,
} from '#config'
import { z } from 'zod'

/** Every setting, by the name of its variable. */
export const configSchema = z
  .object({
    ...serviceVariables,
    ...authVariables,
    ...apiVariables,
    ...tenantVariables,
    ...eventStoreVariables,
    /** Where operations select their stores, and where to write when API keys were last used; neither unless set. */
    DATABASE_URL: databaseVariables.DATABASE_URL.optional(),
    /** Languages that the installation's WooCommerce image holds, as WordPress writes them, separated by commas. */
    WOOCOMMERCE_LOCALES: z
      .string()
      .default('en_US')
      .transform((list) => list.split(',').flatMap((locale) => locale.trim() || [])),
    /** Stores a second that an operation sends a command to. */
    OPERATIONS_PER_SECOND: z.coerce.number().int().min(1).max(1_000).default(10),
    /** How long an append or a read of the event store may take in total, retries included. */
    EVENTSTORE_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(5_000),
    /** Requests are refused with 503 while the event loop lags by more than this, which means too little CPU. */
    LOOP_DELAY_MAX_MS: z.coerce.number().int().min(10).default(1_000),
  })
  .superRefine(requireAuthentication)

export type Config = z.output<typeof configSchema>

/** Reads the service's configuration; throws ConfigError naming every problem. */
export const parseConfig = (env: Record<string, string | undefined>): Config =>
  parseEnvironment(configSchema, env)
