import { parseArgs } from 'node:util'
import { createLogger } from '#observability'
import { FatalError } from './log/record.ts'
import { openDataFolder } from './log/event-log.ts'
import { serveEventLog } from './server.ts'

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

interface Options {
  dataDir: string
  host: string
  port: number
  /** End when standard input ends: the process that started this one has died. */
  parentPipe: boolean
  logLevel: string
}

/** Reads the command line, then the environment; throws FatalError naming what is wrong. */
function readOptions(args: string[], env: NodeJS.ProcessEnv): Options {
  const { values } = parse(args)
  const dataDir = values['data-dir'] ?? env['EVENTSTORE_DATA_DIR']
  if (!dataDir) throw new FatalError('A data folder is needed: --data-dir or EVENTSTORE_DATA_DIR.')
  return {
    dataDir,
    host: values.host ?? env['EVENTSTORE_HOST'] ?? '127.0.0.1',
    port: portOf(values.port ?? env['EVENTSTORE_PORT'] ?? '2113'),
    parentPipe: values['parent-pipe'] ?? false,
    logLevel: env['LOG_LEVEL'] ?? 'info',
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        'data-dir': { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        'parent-pipe': { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new FatalError(error instanceof Error ? error.message : 'Unknown option', {
      cause: error,
    })
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new FatalError(`The port must be a number from 0 to 65535, not "${text}".`)
}
