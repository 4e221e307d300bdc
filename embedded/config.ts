import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  apiVariables,
  authKinds,
  authVariables,
  type AuthKinds,
  databaseVariables,
  eventStoreVariables,
  logLevel,
  messagingVariables,
  parseEnvironment,
} from '#config'
import { z } from 'zod'

const root = fileURLToPath(new URL('..', import.meta.url))

const loopback = ['127.0.0.1', 'localhost', '::1']

/** Every setting, by the name of its variable. */
export const configSchema = z
  .object({
    /** Where the front listens; anything but loopback needs authentication. */
    HOST: z.string().default('127.0.0.1'),
    PORT: z.coerce.number().int().min(1).max(65_535).default(3001),
    STOREWRIGHT_DATA: z.string().default(join(root, '.storewright')),
    STOREWRIGHT_PROCESSES: z.enum(['one', 'separate']).default('one'),
    LOG_LEVEL: logLevel,
    PUBLIC_URL: apiVariables.PUBLIC_URL,
    TRUSTED_PROXIES: apiVariables.TRUSTED_PROXIES,
    AUTH: authKinds.default('off'),
    CORS_ORIGINS: authVariables.CORS_ORIGINS,
    EVENTSTORE_URL: eventStoreVariables.EVENTSTORE_URL.optional(),
    NATS_URL: messagingVariables.NATS_URL.optional(),
    DATABASE_URL: databaseVariables.DATABASE_URL.optional(),
  })
  .superRefine(({ HOST, AUTH }, context) => {
    if (AUTH === 'off' && !loopback.includes(HOST))
      context.addIssue({
        code: 'custom',
        path: ['HOST'],
        message: 'must be 127.0.0.1 or ::1 while AUTH is off',
      })
  })

export interface StackConfig {
  host: string
  port: number
  dataDir: string
  separate: boolean
  logLevel: z.output<typeof logLevel>
  auth: AuthKinds
  publicUrl: string | undefined
  corsOrigins: readonly string[]
  /** Proxies in front of it whose `X-Forwarded-For` it believes. */
  trustedProxies: readonly string[]
  /** Dependencies that somebody else runs. */
  given: { eventStore?: string; nats?: string; database?: string }
}

/** The one-command stack's configuration. Throws ConfigError with every problem. */
export function parseStackConfig(env: NodeJS.ProcessEnv, args: string[]): StackConfig {
  const parsed = parseEnvironment(configSchema, env)
  const { EVENTSTORE_URL, NATS_URL, DATABASE_URL } = parsed
  return {
    host: parsed.HOST,
    port: parsed.PORT,
    dataDir: resolve(root, parsed.STOREWRIGHT_DATA),
    separate: parsed.STOREWRIGHT_PROCESSES === 'separate' || args.includes('--separate'),
    logLevel: parsed.LOG_LEVEL,
    auth: parsed.AUTH,
    publicUrl: parsed.PUBLIC_URL,
    corsOrigins: parsed.CORS_ORIGINS,
    trustedProxies: parsed.TRUSTED_PROXIES,
    given: {
      ...(EVENTSTORE_URL !== undefined && { eventStore: EVENTSTORE_URL }),
      ...(NATS_URL !== undefined && { nats: NATS_URL }),
      ...(DATABASE_URL !== undefined && { database: DATABASE_URL }),
    },
  }
}

const noProxyNames = ['no_proxy', 'NO_PROXY', 'no_grpc_proxy']
const helmOfOurs = /^HELM_(BIN|KILL_AFTER_MS|LIMIT_MS)$/

/**
 * Takes out of a shell's environment what would reach the dependencies we start on loopback: a proxy is never
 * asked for them, PostgreSQL's client takes everything from its URL, and helm runs without settings of its own.
 */
export function ownEnvironment(env: NodeJS.ProcessEnv): void {
  for (const name of noProxyNames) {
    const given = env[name]
    // gRPC asks no_proxy unless it has an exception of its own.
    if (name !== 'no_grpc_proxy' || given)
      env[name] = [given, ...loopback].filter(Boolean).join(',')
  }
  for (const name of Object.keys(env)) {
    const isPostgres = /^PG[A-Z]+$/.test(name) && !env['DATABASE_URL']
    const isHelm = name.startsWith('HELM_') && !helmOfOurs.test(name)
    if (isPostgres || isHelm) delete env[name]
  }
  // Its client is then another one, which nobody has installed.
  delete env['NODE_PG_FORCE_NATIVE']
}
