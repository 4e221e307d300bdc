import { parseConfig } from './config.ts'
import { start } from './start.ts'

const stopped = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve())

const relay = await start(parseConfig(process.env))
await stopped.promise
await relay.close()
