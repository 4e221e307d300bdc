import { exitIfMisconfigured } from '#config'
import { eventStreamName } from '#contracts'
import { connectMessaging, ensureTopology, ifPresent } from '#messaging'
import { createLogger } from '#observability'
import { Command } from 'commander'
import { parseResyncConfig } from './config.ts'

const API_TIMEOUT_MS = 5_000

new Command('resync')
  .description(
    'Empties JetStream, so that the relay publishes the whole event log again. For a log that was ' +
      'restored from an older backup: what was provisioned for events it no longer holds stays in ' +
      'the cluster and is reported by the provisioner.',
  )
  .requiredOption('--yes', 'confirms that every message is removed')
  .parse()

const config = await exitIfMisconfigured(() => parseResyncConfig(process.env))
const logger = createLogger({ service: 'resync', level: config.LOG_LEVEL })
const messaging = await connectMessaging({ url: config.NATS_URL, name: 'resync', logger })
const manager = await messaging.connection.jetstreamManager({ timeout: API_TIMEOUT_MS })
const before = await ifPresent(manager.streams.info(eventStreamName))
if (before !== undefined) await manager.streams.delete(eventStreamName)
await ensureTopology(messaging)
logger.info(
  { removed: before?.state.messages ?? 0 },
  'JetStream is empty; the relay fills it again',
)
await messaging.close()
