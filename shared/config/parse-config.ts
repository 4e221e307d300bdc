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

/** Runs a program's start; ends the process with what is wrong, and no stack, where its configuration is not usable. */
export async function exitIfMisconfigured<T>(start: () => T | Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    if (!(error instanceof ConfigError) && !isConfigInvalid(error)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

/** Found wrong only where it was used. */
function isConfigInvalid(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'CONFIG_INVALID'
}
