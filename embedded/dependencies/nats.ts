import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'nats'
import { freePort } from '../processes/free-port.ts'
import { startProcess, untilReady } from '../processes/start-process.ts'
import type { ComponentProcess } from '../processes/supervise.ts'

const READY_TIMEOUT_MS = 20_000
const HEALTH_TIMEOUT_MS = 2_000
const SPACE_BYTES_MIN = 1_048_576
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
export async function startNats(options: NatsOptions): Promise<ComponentProcess & { url: string }> {
  const { executable, dataDir, logFile, port, password } = options
  await mkdir(dataDir, { recursive: true })
  const healthPort = await freePort()
  const listen = ['--addr', '127.0.0.1', '--port', `${port}`, '--http_port', `${healthPort}`]
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
  const problem = () => problemOf(`http://127.0.0.1:${healthPort}/healthz`, dataDir)
  return { ...child, url, problem }
}

/**
 * What nats-server says of itself, where its disk has room: after one write that failed, a stream takes no other
 * until the server starts again.
 */
async function problemOf(health: string, dataDir: string): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(dataDir)
  if (bavail * bsize < SPACE_BYTES_MIN) return undefined
  const answer = await fetch(health, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
  const said = await answer.text()
  return answer.ok ? undefined : said
}

/** The one configuration, with the password in a file of its own: an argument could be read by everybody. */
async function configOf({ dataDir, password }: NatsOptions): Promise<string> {
  if (password === undefined) return config
  const file = join(dataDir, 'nats.conf')
  const login = `authorization { user: ${USER}, password: "${password}" }`
  const wanted = `${await readFile(config, 'utf8')}\n${login}\n`
  // A start on a full disk could not write it again.
  if ((await readFile(file, 'utf8').catch(() => undefined)) === wanted) return file
  await rm(file, { force: true })
  await writeFile(file, wanted, { mode: 0o600 })
  return file
}
