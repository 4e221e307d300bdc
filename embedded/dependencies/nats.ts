import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'nats'
import { type RunningProcess, startProcess, untilReady } from '../processes/start-process.ts'

const READY_TIMEOUT_MS = 20_000
const config = fileURLToPath(new URL('../../deploy/nats/nats.conf', import.meta.url))
// A developer's machine need not wait for its disk; compose gives `always`.
const NATS_SYNC_INTERVAL = '1s'
const USER = 'storewright'

export interface NatsOptions {
  executable: string
  /** Holds JetStream's files. */
  dataDir: string
  logFile: string
  port: number
  /** Asked of every client; without one, each process of this machine may use it. */
  password?: string
}

/** A real nats-server with the settings of deploy/nats/nats.conf, reachable from this machine only. */
export async function startNats(options: NatsOptions): Promise<RunningProcess & { url: string }> {
  const { executable, dataDir, logFile, port, password } = options
  await mkdir(dataDir, { recursive: true })
  const listen = ['--addr', '127.0.0.1', '--port', `${port}`]
  const args = [
    '--config',
    await configOf(options),
    ...listen,
    '--store_dir',
    join(dataDir, 'jetstream'),
  ]
  const env = { ...process.env, NATS_SYNC_INTERVAL }
  const child = await startProcess({ command: executable, args, logFile, env, port })
  const login = password === undefined ? undefined : { user: USER, pass: password }
  const url = `nats://${login ? `${login.user}:${login.pass}@` : ''}127.0.0.1:${port}`
  const probe = async () => {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      ...login,
      timeout: 1_000,
      reconnect: false,
    })
    await connection.jetstreamManager({ timeout: 1_000 }).finally(() => connection.close())
  }
  await untilReady(child, { name: 'nats-server', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  return { ...child, url }
}

/** The one configuration, with the password in a file of its own: an argument could be read by everybody. */
async function configOf({ dataDir, password }: NatsOptions): Promise<string> {
  if (password === undefined) return config
  const file = join(dataDir, 'nats.conf')
  const login = `authorization { user: ${USER}, password: "${password}" }`
  await rm(file, { force: true })
  await writeFile(file, `${await readFile(config, 'utf8')}\n${login}\n`, { mode: 0o600 })
  return file
}
