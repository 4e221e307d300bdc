import closeWithGrace from 'close-with-grace'
import { parseStackConfig, ownEnvironment } from './config.ts'
import { stopTimeoutMs } from './stack/start-services.ts'

// The dependencies end after the services, each within some seconds.
const DEPENDENCIES_END_MS = 45_000
const signals = ['SIGINT', 'SIGTERM'] satisfies NodeJS.Signals[]
// npm passes Ctrl-C on to a child that the terminal has told already.
const ECHO_MS = 1_000
const LOOK_EVERY_MS = 1_000

ownEnvironment(process.env)
try {
  const config = parseStackConfig(process.env, process.argv.slice(2))
  // As for any unexpected error: everything ends in good order, and the exit code says so.
  const fail = (error: Error) =>
    setImmediate(() => {
      throw error
    })
  // Some packages read the environment when they are loaded.
  const { startStack } = await import('./stack/start-stack.ts')
  const stack = await startStack(config, process.env, fail)
  const { logger, url } = stack
  const options = {
    delay: stopTimeoutMs('provisioner', process.env) + DEPENDENCIES_END_MS,
    logger,
    skip: signals,
  }
  const grace = closeWithGrace(options, async ({ err }) => {
    if (err) logger.fatal({ err }, 'unexpected error, ending')
    logger.info('ending')
    await stack.close()
    logger.info('ended')
  })
  let askedAt: number | undefined
  const end = () => {
    if (askedAt === undefined) grace.close()
    else if (performance.now() - askedAt > ECHO_MS) process.exit(1)
    askedAt ??= performance.now()
  }
  for (const signal of signals) process.on(signal, end)
  endWithParent(() => grace.close())
  logger.info({ url, dataDir: config.dataDir }, 'ready')
  if (process.stdout.isTTY) process.stdout.write(howToTry(url, config.dataDir))
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`\nStorewright cannot start. ${reason}\n`)
  process.exit(1)
}

/** Under npm, nothing may be left when npm is killed: it tells its child only of gentler ends. */
function endWithParent(end: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    end()
  }, LOOK_EVERY_MS)
  timer.unref()
}

/** What a newcomer types next. */
function howToTry(url: string, dataDir: string): string {
  return `
Storewright is ready on ${url}

  Ask for a store:
    curl -X POST ${url}/api/stores -H "Idempotency-Key: test-123" \\
      -H "Content-Type: application/json" -d '{"name":"Test Store","engine":"woocommerce"}'
  See it become ready:
    curl ${url}/api/stores
  Its history, from the log:
    curl ${url}/api/stores/<id>/events

  Data lies in ${dataDir} and is there again next time; npm run reset removes it.
  Ctrl-C ends everything.

`
}
