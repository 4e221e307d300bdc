import { z } from 'zod'

/** The environment does not fit a service's schema; the message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Parses an environment once at start-up and reports every problem at the same time. Empty strings count as not given. */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  env: Record<string, string | undefined>,
): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw new ConfigError(`The configuration is not usable:\n${z.prettifyError(parsed.error)}`)
}
