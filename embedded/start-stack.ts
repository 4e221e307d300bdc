import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shareLock } from './processes/lock-file.js'
import { packagesInUse } from './setup/packages.js'
import { createLogger, type Logger } from '#observability'
import { writeAddresses } from './data-folder/addresses.ts'
import type { StackConfig } from './config.ts'
import { startGateway } from './gateway/gateway.ts'
import { startParts } from './dependencies/start.ts'
import { isFree } from './processes/free-port.ts'
import type { RunningProcess } from './processes/start-process.ts'
import { serviceEnv } from './services/service-table.ts'
import { startServicesApart, startServicesInside } from './services/start-services.ts'
import { lockDataFolder } from './data-folder/lock.ts'
import { writePids } from './data-folder/pids.ts'
import { supervise, type Part } from './processes/supervise.ts'

/** Starts the parts, the services and the front; closes in the opposite order, also when a start fails. */
export async function startStack(config: StackConfig, env: NodeJS.ProcessEnv) {
  const logger = createLogger({ service: 'stack', level: config.logLevel })
  await refuseTakenPort(config.port)
  const running = new AsyncDisposableStack()
  try {
    const url = await startOnto(running, { config, env, logger })
    return { url, logger, close: () => running.disposeAsync() }
  } catch (error) {
    await running.disposeAsync()
    throw error
  }
}

interface Given {
  config: StackConfig
  env: NodeJS.ProcessEnv
  logger: Logger
}

async function startOnto(running: AsyncDisposableStack, { config, env, logger }: Given) {
  const { dataDir, given } = config
  const lock = await lockDataFolder(dataDir)
  running.defer(lock.release)
  running.defer(usePackages())

  const onStarted = writePids(dataDir)
  const supervisePart = <T extends RunningProcess>(part: Part<T>) =>
    supervise(part, { logger, onStarted })

  const parts = await startParts({ dataDir, given, supervise: supervisePart })
  running.defer(parts.stop)

  const addresses = writeAddresses(dataDir, parts.addresses)
  running.defer(addresses.remove)

  const forServices = serviceEnv(env, { addresses: parts.addresses, dataDir })
  const services = config.separate
    ? await startServicesApart({ env: forServices, dataDir, supervise: supervisePart })
    : await startServicesInside(forServices, logger)
  running.defer(services.stop)

  const { port, auth } = config
  const gateway = await startGateway({ port, auth, services: services.urls, logger })
  running.defer(gateway.close)
  return gateway.url
}

/** Keeps a set-up of this checkout from taking the packages away; where nothing can be written, npm cannot either. */
function usePackages(): () => void {
  try {
    const root = fileURLToPath(new URL('..', import.meta.url))
    mkdirSync(join(root, '.storewright'), { recursive: true })
    return shareLock(packagesInUse(root)).release
  } catch {
    return () => {}
  }
}

async function refuseTakenPort(port: number): Promise<void> {
  if (await isFree(port)) return
  throw new Error(
    `Port ${port} is taken: end what listens there, or choose another with PORT=${port + 1} npm start`,
  )
}
