import closeWithGrace from 'close-with-grace'
import { exitIfMisconfigured } from './parse-config.ts'

const GRACE_MS = 20_000

interface ServiceProgram<Config> {
  name: string
  env: NodeJS.ProcessEnv
  parseConfig: (env: NodeJS.ProcessEnv) => Config
  /** `onFatal` is called when the service cannot go on and the process should end. */
  start: (
    config: Config,
    onFatal: (error: Error) => void,
  ) => Promise<{ close: () => Promise<void> }>
  /** How long `close` may take; 20 s unless given. */
  graceMs?: (config: Config) => number
}

/**
 * Runs a service as this process. A signal closes it in good order and ends with 0, an unexpected error is written
 * down, closes it and ends with 1; a close that takes too long and a second signal end with 1 at once. A start that
 * fails and `onFatal` end with 1 and one sentence.
 */
export async function runService<Config>(program: ServiceProgram<Config>): Promise<void> {
  const { name, env, parseConfig, start, graceMs = () => GRACE_MS } = program
  const fatal = (error: unknown): never => {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`The ${name} cannot run: ${reason}\n`)
    process.exit(1)
  }
  const config = await exitIfMisconfigured(() => parseConfig(env))
  const starting = Promise.withResolvers<{ close: () => Promise<void> }>()
  // Before the start, so that no signal that comes while it runs is missed.
  closeWithGrace({ delay: graceMs(config) }, async ({ err }) => {
    if (err !== undefined) process.stderr.write(`${err.stack ?? err.message}\n`)
    const service = await starting.promise
    await service.close()
  })
  starting.resolve(exitIfMisconfigured(() => start(config, fatal)))
  await starting.promise.catch(fatal)
}
