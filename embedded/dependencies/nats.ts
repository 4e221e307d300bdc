import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'nats'
import { type RunningProcess, startProcess, untilReady } from '../processes/start-process.ts'

const READY_TIMEOUT_MS = 20_000
const config = fileURLToPath(new URL('../../deploy/nats/nats.conf', import.meta.url))
// A developer's machine need not wait for its disk; compose gives `always`.
const NATS_SYNC_INTERVAL = '1s'

export interface NatsOptions {
  executable: string
  /** Holds JetStream's files. */
  dataDir: string
  logFile: string
  port: number
}

/** A real nats-server with the settings of deploy/nats/nats.conf, reachable from this machine only. */
export async function startNats(options: NatsOptions): Promise<RunningProcess & { url: string }> {
  const { executable, dataDir, logFile, port } = options
  await mkdir(dataDir, { recursive: true })
  const listen = ['--addr', '127.0.0.1', '--port', `${port}`]
  const args = ['--config', config, ...listen, '--store_dir', join(dataDir, 'jetstream')]
  const env = { ...process.env, NATS_SYNC_INTERVAL }
  const child = await startProcess({ command: executable, args, logFile, env })
  const url = `nats://127.0.0.1:${port}`
  const probe = async () => {
    const connection = await connect({ servers: url, timeout: 1_000, reconnect: false })
    await connection.jetstreamManager({ timeout: 1_000 }).finally(() => connection.close())
  }
  await untilReady(child, { name: 'nats-server', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  return { ...child, url }
}
