import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from '#observability'
import type { DependencyOptions } from '../dependencies/start.ts'
import { freePort } from '../processes/free-port.ts'
import { startProcess, untilReady } from '../processes/start-process.ts'
import { type ServiceName, serviceNames, startInProcess } from './service-table.ts'

const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const GRACE_DEFAULT_MS = 20_000

/** How long a service may take to end: a provisioner lets helm go on for its grace time, and stores the outcome. */
export function stopTimeoutMs(name: ServiceName, env: NodeJS.ProcessEnv): number {
  if (name !== 'provisioner') return STOP_TIMEOUT_MS
  return Number(env['SHUTDOWN_GRACE_MS'] || GRACE_DEFAULT_MS) + STOP_TIMEOUT_MS
}

export interface RunningServices {
  /** Where each listens, by name; where a service runs twice, the second is `<name>-2`. */
  urls: Record<string, string> & Record<ServiceName, string>
  stop: () => Promise<void>
}

/** Starts every service inside this process; `onFatal` is called when one cannot go on. */
export async function startServicesInside(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  onFatal: (error: Error) => void,
): Promise<RunningServices> {
  const started: (() => Promise<void>)[] = []
  const start = async (name: ServiceName) => {
    const service = await startInProcess[name](env, (cause) =>
      onFatal(new Error(`The ${name} cannot go on: ${cause.message}`, { cause })),
    )
    const timeoutMs = stopTimeoutMs(name, env)
    started.push(() => closeInTime({ name, close: service.close, timeoutMs, logger }))
    if (service.url === undefined) throw new Error(`${name} does not say where it listens`)
    return service.url
  }
  return startAll(start, started)
}

export interface SeparateOptions {
  env: NodeJS.ProcessEnv
  dataDir: string
  supervise: DependencyOptions['supervise']
}

/** Starts every service as a process of its own, the provisioner twice; each is started again when it ends. */
export async function startServicesApart(options: SeparateOptions): Promise<RunningServices> {
  const started: (() => Promise<void>)[] = []
  const start = async (name: ServiceName, instance: string = name) => {
    const { url, stop } = await startApart(name, instance, options)
    started.push(stop)
    return url
  }
  const services = await startAll(start, started)
  services.urls['provisioner-2'] = await start('provisioner', 'provisioner-2')
  return services
}

async function startAll(
  start: (name: ServiceName) => Promise<string>,
  started: (() => Promise<void>)[],
): Promise<RunningServices> {
  // No service needs another to end, and nothing new comes in any more.
  const stop = async () => {
    await Promise.all(started.map((close) => close()))
  }
  try {
    return { urls: await startEach(start), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Closing {
  name: string
  close: () => Promise<void>
  timeoutMs: number
  logger: Logger
}

/** One service that does not let go must not keep the dependencies from ending in good order. */
async function closeInTime({ name, close, timeoutMs, logger }: Closing) {
  const late = new AbortController()
  const timedOut = wait(timeoutMs, 'late' as const, { signal: late.signal }).catch(() => 'ended')
  const outcome = await Promise.race([close(), timedOut])
  late.abort()
  if (outcome === 'late') logger.warn({ component: name }, 'a service did not end in time')
}

async function startEach(start: (name: ServiceName) => Promise<string>) {
  const [projector, relay, provisioner, query, command] = serviceNames
  return {
    projector: await start(projector),
    relay: await start(relay),
    provisioner: await start(provisioner),
    'query-api': await start(query),
    'command-api': await start(command),
  }
}

async function startApart(name: ServiceName, instance: string, options: SeparateOptions) {
  const { env, dataDir, supervise } = options
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const logFile = join(dataDir, 'logs', `${instance}.log`)
  const program = fileURLToPath(new URL(`../../services/${name}/main.ts`, import.meta.url))
  const start = async () => {
    const child = await startProcess({
      command: process.execPath,
      args: [program],
      logFile,
      port,
      env: { ...env, PORT: `${port}` },
      stopTimeoutMs: stopTimeoutMs(name, env),
    })
    const probe = async () => {
      const signal = AbortSignal.timeout(1_000)
      await fetch(`${url}/health/live`, { signal }).then((response) => response.text())
    }
    await untilReady(child, { name: instance, logFile, timeoutMs: READY_TIMEOUT_MS, probe })
    return child
  }
  const { stop } = await supervise({ name: instance, start })
  return { url, stop }
}
