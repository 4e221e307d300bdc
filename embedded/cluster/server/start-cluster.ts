import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../processes/free-port.ts'
import { startProcess, type RunningProcess } from '../../processes/start-process.ts'
import { untilReady } from '../../processes/until-ready.ts'
import { apiClient, type Api } from './api-client.ts'
import { credentialsOf, writeSecret, type Credentials, type Tokens } from './credentials.ts'
import { furnish, untilFurnished } from './furnish.ts'
import { kubeconfig } from './kubeconfig.ts'
import { lastWords } from './last-words.ts'
import { writePodLog } from './pod-log.ts'
import * as parts from './parts.ts'
import { kwokConfiguration } from '../stages/stages.ts'

const READY_TIMEOUT_MS = 60_000
const RENEW_BEFORE_MS = 7 * 86_400_000

export interface ClusterOptions {
  /** Holds everything the cluster keeps; a cluster with the same folder goes on where it was. */
  folder: string
  /** The folder of its programs. */
  programs: string
  apiPort: number
  durable: boolean
}

export interface RunningCluster {
  url: string
  /** PEM. */
  ca: string
  tokens: Tokens
  /** The admin's, a file only this user can read. */
  kubeconfig: string
  pids: Record<string, number>
  /** Settles when a part has ended that nobody stopped; says which and where its log is. */
  failed: Promise<string>
  stop: () => Promise<void>
}

interface Start {
  layout: parts.Layout
  credentials: Credentials
  started: Map<string, RunningProcess>
}

/** A real Kubernetes API on loopback; resolves when its node is ready and claims can bind. */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  const { folder } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const layout = { ...options, kubeletPort: await freePort() }
  const start = { layout, credentials: await credentialsOf(folder), started: new Map() }
  try {
    return await startAll(start)
  } catch (error) {
    // The logs may go with the folder: what they say is said now.
    const said = await lastWords(start.started, (name) => logOf(layout, name))
    await stopAll(start.started)
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`The cluster did not start: ${why}\n${said}`, { cause: error })
  }
}

async function startAll(start: Start): Promise<RunningCluster> {
  const { layout, credentials, started } = start
  const { tokens, serviceAccountKeyFile: keyFile } = credentials
  const caFile = join(layout.folder, 'certificates', 'apiserver.crt')
  const url = `https://127.0.0.1:${layout.apiPort}`
  await dropOldCertificate(caFile)
  await launch(start, parts.etcd(layout))
  await launch(start, parts.apiServer(layout, credentials.tokensFile, keyFile))
  const api = await untilServing(start, url, caFile)
  const ca = await readFile(caFile, 'utf8')
  const configFor = (name: keyof Tokens) =>
    writeConfig(layout.folder, name, kubeconfig({ url, ca, token: tokens[name] }))

  const podLogFile = await writePodLog(layout.folder, [
    'This pod is simulated: nothing runs in it.',
  ])
  const kwokFile = join(layout.folder, 'kwok.yaml')
  await writeFile(kwokFile, kwokConfiguration(podLogFile))
  const manager = await configFor('controllerManager')
  await launch(start, parts.controllerManager(manager, keyFile, caFile))
  await launch(start, parts.scheduler(await configFor('scheduler')))
  await furnish(api, layout)
  await launch(start, parts.kwok(layout, await configFor('kwok'), kwokFile))
  const kubelet = apiClient({ url: `https://127.0.0.1:${layout.kubeletPort}`, ca, token: '' })
  await untilPart(start, 'kwok', () => untilFurnished(api, kubelet))
  await configFor('restricted')
  return {
    url,
    ca,
    tokens,
    kubeconfig: await configFor('admin'),
    pids: Object.fromEntries([...started].map(([name, { pid }]) => [name, pid])),
    failed: firstToEnd(start),
    stop: () => stopAll(started),
  }
}

async function launch({ layout, started }: Start, part: parts.Part): Promise<void> {
  const child = await startProcess({
    command: join(layout.programs, part.name),
    args: part.args,
    logFile: logOf(layout, part.name),
    // Nothing of this process' environment: a proxy or a token in it is no business of theirs.
    env: { HOME: layout.folder, PATH: '/usr/bin:/bin' },
    cwd: layout.folder,
    stopSignal: part.stopSignal,
  })
  started.set(part.name, child)
}

async function untilServing(start: Start, url: string, caFile: string): Promise<Api> {
  const { tokens } = start.credentials
  const client = async () =>
    apiClient({ url, ca: await readFile(caFile, 'utf8'), token: tokens.admin })
  await untilPart(start, 'kube-apiserver', async () => {
    const { status, body } = await (await client())('/readyz')
    if (status !== 200) throw new Error(`/readyz was answered with ${status}: ${String(body)}`)
  })
  return client()
}

async function untilPart(start: Start, name: string, probe: () => Promise<void>): Promise<void> {
  const child = start.started.get(name)
  if (child === undefined) throw new Error(`${name} was not started`)
  const logFile = logOf(start.layout, name)
  await untilReady(child, { name, logFile, timeoutMs: READY_TIMEOUT_MS, probe })
}

function firstToEnd({ layout, started }: Start): Promise<string> {
  const ends = [...started].map(async ([name, child]) => {
    await child.exited
    const log = logOf(layout, name)
    return `${await lastWords([[name, child]], () => log)}\n(${log})`
  })
  return Promise.race(ends)
}

/** The API server makes a new certificate, valid for a year, where there is none. */
async function dropOldCertificate(caFile: string): Promise<void> {
  const pem = await readFile(caFile).catch(() => undefined)
  if (pem === undefined) return
  const validTo = Date.parse(new X509Certificate(pem).validTo)
  if (validTo - Date.now() < RENEW_BEFORE_MS) await rm(join(caFile, '..'), { recursive: true })
}

/** etcd goes last: what the others still write is kept. */
async function stopAll(started: Map<string, RunningProcess>): Promise<void> {
  const { etcd, ...others } = Object.fromEntries(started)
  await Promise.all(Object.values(others).map((child) => child.stop()))
  await etcd?.stop()
}

async function writeConfig(folder: string, name: keyof Tokens, text: string): Promise<string> {
  const file = name === 'admin' ? 'kubeconfig' : `${name}.kubeconfig`
  await writeSecret(join(folder, file), text)
  return join(folder, file)
}

function logOf({ folder }: parts.Layout, name: string): string {
  return join(folder, 'logs', `${name}.log`)
}
