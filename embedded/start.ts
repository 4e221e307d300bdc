import closeWithGrace from 'close-with-grace'
import { parseStackConfig } from './config.ts'
import { endWithParent } from './end-with-parent.ts'
import { howToTry } from './how-to-try.ts'
import { startStack } from './start-stack.ts'

const CLOSE_TIMEOUT_MS = 60_000

try {
  const config = parseStackConfig(process.env, process.argv.slice(2))
  const stack = await startStack(config, process.env)
  const { logger, url } = stack
  const grace = closeWithGrace({ delay: CLOSE_TIMEOUT_MS, logger }, async ({ err, signal }) => {
    if (err) logger.fatal({ err }, 'unexpected error, ending')
    logger.info({ signal }, 'ending')
    await stack.close()
    logger.info('ended')
  })
  endWithParent(() => grace.close())
  logger.info({ url, dataDir: config.dataDir }, 'ready')
  if (process.stdout.isTTY) process.stdout.write(howToTry(url, config.dataDir))
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`\nStorewright cannot start. ${reason}\n`)
  process.exit(1)
}
