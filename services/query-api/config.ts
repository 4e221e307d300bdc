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
import { signingKey } from './audit/export.ts'

/** Every setting, by the name of its variable. */
export const configSchema = z
  .object({
    ...serviceVariables,
    ...authVariables,
    ...apiVariables,
    ...tenantVariables,
    ...databaseVariables,
    ...eventStoreVariables,
    /** How long an append or a read of the event store may take in total, with all retries. */
    EVENTSTORE_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(5_000),
    /** What exports of the audit trail are signed with; there are none without it. */
    AUDIT_SIGNING_KEY: signingKey.optional(),
    /** How often an idle live stream sends a heartbeat. */
    LIVE_HEARTBEAT_MS: z.coerce.number().int().min(100).default(15_000),
    /** Requests are refused with 503 while the event loop is later than this; a sign of too little CPU. */
    LOOP_DELAY_MAX_MS: z.coerce.number().int().min(10).default(1_000),
  })
  .superRefine(requireAuthentication)

export type Config = z.output<typeof configSchema>

/** Reads the service's configuration; throws ConfigError naming every problem. */
export const parseConfig = (env: Record<string, string | undefined>): Config =>
  parseEnvironment(configSchema, env)
