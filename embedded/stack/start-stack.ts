import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newKey, varyOf } from '#http'
import { createLogger, type Logger } from '#observability'
import type { StackConfig } from '../config.ts'
import { lockDataFolder, secretIn, signingKeyIn, writeAddresses, writePids } from './data-folder.ts'
import { startDependencies } from '../dependencies/start.ts'
import { type Gateway, startGateway } from '../gateway/gateway.ts'
import { isFree } from '../processes/free-port.ts'
import { shareLock } from '../processes/lock-file.js'
import { type Component, type ComponentProcess, supervise } from '../processes/supervise.ts'
import { serviceEnv } from './service-table.ts'
import { startServicesApart, startServicesInside } from './start-services.ts'
import { packagesInUse } from '../setup/packages.js'

/**
 * Starts the dependencies, the services and the front; closes in the opposite order, also when a start fails.
 * `onFatal` is called when a service cannot go on.
 */
export async function startStack(
  config: StackConfig,
  env: NodeJS.ProcessEnv,
  onFatal: (error: Error) => void,
) {
  const logger = createLogger({ service: 'stack', level: config.logLevel })
  await refuseTakenPort(config)
  const running = new AsyncDisposableStack()
  try {
    const url = await startOnto(running, { config, env, logger, onFatal })
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
  onFatal: (error: Error) => void
}

async function startOnto(running: AsyncDisposableStack, { config, env, logger, onFatal }: Given) {
  const { dataDir, given } = config
  const lock = await lockDataFolder(dataDir)
  running.defer(lock.release)

  running.defer(usePackages())

  const onStarted = writePids(dataDir)
  const superviseComponent = <T extends ComponentProcess>(component: Component<T>) =>
    supervise(component, { logger, onStarted })

  const dependencies = await startDependencies({
    dataDir,
    given,
    supervise: superviseComponent,
    secretIn,
  })
  running.defer(dependencies.stop)

  const addresses = writeAddresses(dataDir, dependencies.addresses)
  running.defer(addresses.remove)

  if (given.eventStore === undefined)
    logger.info(
      { eventStore: dependencies.addresses.eventStore },
      'the embedded event store has no password: every user of this machine may use it',
    )

  const keys = {
    positionKey: secretIn(join(dataDir, 'position.key')),
    auditKey: env['AUDIT_SIGNING_KEY'] || signingKeyIn(join(dataDir, 'audit-signing.pem')),
  }
  const forServices = {
    ...serviceEnv(env, { addresses: dependencies.addresses, dataDir, ...keys }),
    ...operatorKeyOf(config, env),
  }
  const services = config.separate
    ? await startServicesApart({ env: forServices, dataDir, supervise: superviseComponent })
    : await startServicesInside(forServices, logger, onFatal)
  let gateway: Gateway | undefined
  // Live streams end with their service, which also answers the requests that arrive while it stops.
  running.defer(async () => {
    gateway?.stopListening()
    await services.stop()
    gateway?.close()
  })

  const { host, port, publicUrl, trustedProxies, auth, corsOrigins } = config
  const vary = varyOf(auth === 'off' ? 'off' : 'bearer', corsOrigins)
  const front = { host, port, publicUrl, trustedProxies, vary }
  gateway = await startGateway({ ...front, services: services.urls, logger })
  return gateway.url
}

/** Keeps a set-up of this checkout from taking the packages away; where nothing can be written, npm cannot either. */
function usePackages(): () => void {
  try {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    mkdirSync(join(root, '.storewright'), { recursive: true })
    return shareLock(packagesInUse(root)).release
  } catch {
    return () => {}
  }
}

async function refuseTakenPort({ host, port }: StackConfig): Promise<void> {
  if (await isFree(port, host)) return
  throw new Error(
    `Port ${port} is taken: end what listens there, or choose another with PORT=${port + 1} npm start`,
  )
}

/**
 * With AUTH=keys somebody has to make the first key: unless one was given, a new operator's key is shown, once. Only
 * its hash stays in the data folder.
 */
function operatorKeyOf({ auth, dataDir }: StackConfig, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!auth.includes('keys') || env['OPERATOR_KEY'] || env['OPERATOR_KEY_SHA256']) return {}
  const file = join(dataDir, 'operator-key.sha256')
  if (!existsSync(file)) {
    const { text, hash } = newKey()
    writeFileSync(file, hash, { mode: 0o600 })
    process.stderr.write(`\nThe key of the operator, shown only now: ${text}\n\n`)
  }
  return { OPERATOR_KEY_SHA256: readFileSync(file, 'utf8').trim() }
}
