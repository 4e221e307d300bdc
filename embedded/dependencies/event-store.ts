import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type RunningProcess, startProcess, untilReady } from '../processes/start-process.ts'

/** Without a word; one that reads a long log says how far it is. */
const READY_TIMEOUT_MS = 120_000
const program = fileURLToPath(new URL('../eventstore/main.ts', import.meta.url))

export interface EventStoreOptions {
  dataDir: string
  logFile: string
  port: number
}

/** The embedded event store as a process of its own, reachable from this machine only. */
export async function startEmbeddedEventStore(
  options: EventStoreOptions,
): Promise<RunningProcess & { url: string }> {
  const { dataDir, logFile, port } = options
  const child = await startProcess({
    command: process.execPath,
    args: [program, '--data-dir', dataDir, '--host', '127.0.0.1', '--port', `${port}`],
    logFile,
    port,
  })
  const probe = () => accepts(port)
  const limits = { timeoutMs: READY_TIMEOUT_MS, progress: async () => (await stat(logFile)).size }
  await untilReady(child, { name: 'The event store', logFile, probe, ...limits })
  return { ...child, url: `esdb://127.0.0.1:${port}?tls=false` }
}

// It listens only when its log is open and whole.
async function accepts(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) })
  } finally {
    socket.destroy()
  }
}
