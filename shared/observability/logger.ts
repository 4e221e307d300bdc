import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export interface LoggerOptions {
  /** Written in every line as `service`. */
  service: string
  level: string
  /** Where lines go; standard output unless given. */
  destination?: DestinationStream
}

/** JSON lines with level names and ISO times; on a terminal, readable colours. Written synchronously, so that a crash loses none. */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
      redact: { paths: secretFields, censor: '[redacted]' },
    },
    destination ?? standardOutput(),
  )
}

const secretFields = ['password', 'token', 'secret', 'authorization'].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
])

function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return survivingOutput()
  return pretty({ colorize: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', sync: true })
}

const UNWRITTEN_CHARS_MAX = 1_000_000

/** A full disk ends no process: lines wait in memory up to a bound, more are dropped and counted. */
function survivingOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_CHARS_MAX })
  let dropped = 0
  output.on('error', () => {})
  output.on('drop', () => (dropped += 1))
  output.on('drain', () => {
    if (dropped === 0) return
    const line = { level: 'warn', time: new Date().toISOString(), dropped, msg: 'lines were lost' }
    dropped = 0
    output.write(`${JSON.stringify(line)}\n`)
  })
  return output
}
