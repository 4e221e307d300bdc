import { exitIfMisconfigured } from '#config'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

const stopped = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve())

const relay = await exitIfMisconfigured(() => start(parseConfig(process.env), fatal))
await stopped.promise
await relay.close()

function fatal(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`The relay cannot run: ${reason}\n`)
  process.exit(1)
}
