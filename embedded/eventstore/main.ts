import { createLogger } from '#observability'
import { openDataFolder } from './open-data-folder.ts'
import { readOptions } from './options.ts'
import { serveEventLog } from './server.ts'
import { FatalError } from './storage/fatal-error.ts'

process.on('uncaughtException', die)
process.on('unhandledRejection', die)

const options = readOptions(process.argv.slice(2), process.env)
const logger = createLogger({ service: 'eventstore', level: options.logLevel })
const log = openDataFolder(options.dataDir, (error) => {
  const reason = error instanceof Error ? error.message : String(error)
  die(new FatalError(`Writing the event log failed: ${reason}. Nothing more is accepted.`))
})
if (log.cutBytes > 0)
  logger.warn({ bytes: log.cutBytes, end: log.end() }, 'cut an unacknowledged write off the log')
const { host } = options
const server = await serveEventLog({ log, host, port: options.port })

let closing = false
const close = async () => {
  if (closing) return
  closing = true
  await server.close()
  await log.close()
  process.exit(0)
}
const stop = () => void close().catch(die)
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
if (options.parentPipe) process.stdin.on('end', stop).on('error', stop).resume()
const events = log.index.positions.length()
// The one line a supervisor waits for; it must come whatever the log level is.
process.stdout.write(
  `${JSON.stringify({ msg: 'listening', address: host, port: server.port, pid: process.pid, events })}\n`,
)

function die(error: unknown): never {
  const sentence = error instanceof FatalError ? error.message : stackOf(error)
  process.stderr.write(`event store: ${sentence}\n`)
  process.exit(1)
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
