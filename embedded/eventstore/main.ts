import { parseArgs } from 'node:util'
import { createLogger } from '#observability'
import { FatalError } from './log/record.ts'
import { checkDataFolder, openDataFolder } from './log/event-log.ts'
import { serveEventLog } from './server.ts'

process.on('uncaughtException', die)
process.on('unhandledRejection', die)

const options = readOptions(process.argv.slice(2), process.env)
const logger = createLogger({ service: 'eventstore', level: options.logLevel })
if (options.check) {
  tell({ msg: 'checked', ...checkDataFolder(options.dataDir, tellProgress) })
  process.exit(0)
}
const log = openDataFolder(options.dataDir, dieOfWrite, {
  ...(options.checkpointBytes !== undefined && { checkpointBytes: options.checkpointBytes }),
  say: (sentence, details) => logger.warn(details, sentence),
  onProgress: tellProgress,
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
tell({ msg: 'listening', address: host, port: server.port, pid: process.pid, events })

/** What a supervisor waits for; it must come whatever the log level is. */
function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function tellProgress(progress: object): void {
  tell({ msg: 'reading the event log', ...progress })
}

function dieOfWrite(error: unknown): never {
  const reason = error instanceof Error ? error.message : String(error)
  return die(new FatalError(`Writing the event log failed: ${reason}. Nothing more is accepted.`))
}

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
  /** Read the whole log, say whether it is intact, and end. */
  check: boolean
  /** Of the log, from one checkpoint of its index to the next. */
  checkpointBytes: number | undefined
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
    check: values.check ?? false,
    checkpointBytes: bytesOf(values['checkpoint-bytes']),
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
        check: { type: 'boolean' },
        'checkpoint-bytes': { type: 'string' },
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

function bytesOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text)
  throw new FatalError(`--checkpoint-bytes must be a positive number of bytes, not "${text}".`)
}
