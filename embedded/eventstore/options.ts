import { parseArgs } from 'node:util'
import { FatalError } from './storage/fatal-error.ts'

export interface Options {
  dataDir: string
  host: string
  port: number
  /** End when standard input ends: the process that started this one has died. */
  parentPipe: boolean
  logLevel: string
}

/** Reads the command line, then the environment; throws FatalError naming what is wrong. */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): Options {
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
