import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import {
  lastLines,
  type ProcessOptions,
  type RunningProcess,
  startProcess,
  untilReady,
} from '../processes/start-process.ts'
import {
  handOver,
  postgresBinaries,
  postgresUser,
  runnableBinaries,
  type SystemUser,
} from './postgres-programs.ts'

const INIT_TIMEOUT_MS = 60_000
const READY_TIMEOUT_MS = 60_000

interface PostgresOptions {
  /** Holds the cluster and its password. */
  dataDir: string
  logFile: string
  port: number
  /** False only for data that need not outlive the machine, such as a test's. */
  durable?: boolean
}

/** A real PostgreSQL from npm's binaries, reachable from this machine only, with its password. */
export async function startPostgres(
  options: PostgresOptions,
): Promise<RunningProcess & { url: string }> {
  const { dataDir, logFile, port, durable = true } = options
  const user = await postgresUser()
  const { postgres, initdb } = await runnableBinaries(await postgresBinaries(), user)
  const cluster = join(dataDir, 'cluster')
  if (!existsSync(cluster)) await initialise({ initdb, dataDir, logFile, user, durable })
  const password = await readFile(join(dataDir, 'password'), 'utf8')

  using handed = handOver(user, [cluster])
  const [data = cluster] = handed.names
  const child = await startProcess({
    command: postgres,
    args: ['-D', data, ...settingsOf(port, durable).flatMap((each) => ['-c', each])],
    ...handed.as,
    descriptors: handed.descriptors,
    logFile,
    port,
    cwd: '/',
    stopSignal: 'SIGINT',
  })
  const url = `postgres://storewright:${password}@127.0.0.1:${port}/postgres`
  const probe = () => answers(url)
  await untilReady(child, { name: 'PostgreSQL', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  return { ...child, url }
}

function settingsOf(port: number, durable: boolean): string[] {
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'log_min_messages=warning',
    ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ]
}

interface InitialiseOptions {
  initdb: string
  dataDir: string
  logFile: string
  user: SystemUser | undefined
  durable: boolean
}

/** Makes the cluster beside its place and moves it there, so a half-made one is never started. */
async function initialise(options: InitialiseOptions): Promise<void> {
  const { initdb, dataDir, logFile, user, durable } = options
  const making = join(dataDir, 'cluster.new')
  const password = randomBytes(24).toString('hex')
  const passwordFile = join(dataDir, 'password.new')
  await rm(making, { recursive: true, force: true })
  await mkdir(dataDir, { recursive: true })
  await mkdir(making, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) for (const path of [making, passwordFile]) await chown(path, user.uid, user.gid)
  using handed = handOver(user, [making, passwordFile])
  const [data = making, secret = passwordFile] = handed.names
  const args = ['-D', data, '-U', 'storewright', `--pwfile=${secret}`]
  if (!durable) args.push('--no-sync')
  const locale = [
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ]
  await run({
    command: initdb,
    args: [...args, ...locale, '--auth=scram-sha-256', '--no-instructions'],
    ...handed.as,
    descriptors: handed.descriptors,
    logFile,
    cwd: '/',
  })
  await writeFile(join(dataDir, 'password'), password, { mode: 0o600 })
  await rm(passwordFile)
  await rename(making, join(dataDir, 'cluster'))
}

async function run(options: ProcessOptions): Promise<void> {
  const child = await startProcess(options)
  const late = setTimeout(() => void child.stop(), INIT_TIMEOUT_MS)
  const { code, signal } = await child.exited
  clearTimeout(late)
  if (code === 0) return
  throw new Error(
    `PostgreSQL’s initdb ended with ${signal ?? `code ${code}`}: ${await lastLines(options.logFile, child.logFrom)}`,
  )
}

async function answers(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end().catch(() => {})
  }
}
