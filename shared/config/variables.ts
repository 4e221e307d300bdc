import { z } from 'zod'

const loopback = ['127.0.0.1', '::1', 'localhost']

/** In small or capital letters. */
export const logLevel = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']))
  .default('info')

/** Variables that every service has: where it listens (health, and HTTP where it serves any) and how it logs. */
export const serviceVariables = {
  HOST: z.string().default('127.0.0.1'),
  /** 0 takes any free port. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  LOG_LEVEL: logLevel,
}

export const eventStoreVariables = {
  /** `esdb://host:port?tls=false`, or a cluster's connection string. */
  EVENTSTORE_URL: z.string().regex(/^esdb(\+discover)?:\/\//, 'must start with esdb://'),
}

export const messagingVariables = {
  /** `nats://host:port`, several separated by commas. */
  NATS_URL: z.string().regex(/^(nats|tls|wss?):\/\//, 'must start with nats:// or tls://'),
}

export const databaseVariables = {
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
}

/** Authentication of the HTTP services; `off` is for a loopback address only: see `requireAuthentication`. */
export const authVariables = {
  AUTH: z.enum(['off', 'jwt']).default('jwt'),
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  AUTH_JWKS_URL: z.url({ protocol: /^https?$/ }).optional(),
}

/** A check for `superRefine`: without authentication only loopback is served; with it, all it needs is given. */
export function requireAuthentication(
  config: { HOST: string; AUTH: 'off' | 'jwt' } & Partial<Record<string, unknown>>,
  context: z.RefinementCtx,
): void {
  if (config.AUTH === 'off') {
    if (!loopback.includes(config.HOST))
      refuse(context, 'AUTH', `off is for a loopback HOST only, not ${config.HOST}: set AUTH=jwt`)
    return
  }
  for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL'])
    if (config[name] === undefined) refuse(context, name, 'is needed with AUTH=jwt')
}

function refuse(context: z.RefinementCtx, name: string, message: string): void {
  context.addIssue({ code: 'custom', path: [name], message })
}
