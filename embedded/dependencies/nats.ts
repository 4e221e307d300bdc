import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'nats'
import { type RunningProcess, startProcess, untilReady } from '../processes/start-process.ts'

const READY_TIMEOUT_MS = 20_000

export interface NatsOptions {
  executable: string
  /** Holds the configuration and JetStream's files. */
  dataDir: string
  logFile: string
  port: number
}

/** A real nats-server with JetStream on files, reachable from this machine only. */
export async function startNats(options: NatsOptions): Promise<RunningProcess & { url: string }> {
  const { executable, dataDir, logFile, port } = options
  await mkdir(dataDir, { recursive: true })
  const configFile = join(dataDir, 'nats.conf')
  await writeFile(configFile, configuration(dataDir, port))
  const child = await startProcess({ command: executable, args: ['-c', configFile], logFile })
  const url = `nats://127.0.0.1:${port}`
  const probe = async () => {
    const connection = await connect({ servers: url, timeout: 1_000, reconnect: false })
    await connection.jetstreamManager({ timeout: 1_000 }).finally(() => connection.close())
  }
  await untilReady(child, { name: 'nats-server', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  return { ...child, url }
}

// What a lost second of JetStream would hold, the relay publishes again from the log.
function configuration(dataDir: string, port: number): string {
  return `listen: "127.0.0.1:${port}"
server_name: "storewright"
jetstream {
  store_dir: ${JSON.stringify(join(dataDir, 'jetstream'))}
  sync_interval: "1s"
  max_file_store: 4GB
  max_memory_store: 64MB
}
`
}
