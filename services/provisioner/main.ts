import closeWithGrace from 'close-with-grace'
import { parseConfig } from './config.ts'
import { start } from './start.ts'

// Beyond the grace time helm has to be ended and the outcome stored.
const ENDING_MS = 15_000

try {
  const config = parseConfig(process.env)
  const started = start(config, fatal)
  const delay = config.SHUTDOWN_GRACE_MS + ENDING_MS
  closeWithGrace({ delay, logger: false }, async ({ err }) => {
    if (err !== undefined) process.stderr.write(`${err.stack ?? err.message}\n`)
    await (await started).close()
  })
  await started
} catch (error) {
  fatal(error instanceof Error ? error : new Error(String(error)))
}

function fatal(error: Error): void {
  process.stderr.write(`The provisioner cannot run: ${error.message}\n`)
  process.exit(1)
}
