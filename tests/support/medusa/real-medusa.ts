import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { untilReady } from '../../../embedded/processes/start-process.ts'
import { placedMedusa, type PlacedMedusa } from './placed-medusa.ts'

const START_LIMIT_MS = 3 * 60_000
const LAST_CHARACTERS = 1_000

/** A real Medusa, set up and started as its image does it, on the PostgreSQL at `databaseUrl`. */
export async function realMedusa(databaseUrl: string) {
  await using stack = new AsyncDisposableStack()
  const medusa = stack.use(await placedMedusa())
  const startedAt = performance.now()
  await setUp(medusa, databaseUrl)
  const setUpMs = Math.round(performance.now() - startedAt)
  const { url } = stack.use(await served(medusa, databaseUrl))
  const startMs = Math.round(performance.now() - startedAt) - setUpMs
  const parts = stack.move()
  return {
    url,
    admin: medusa.admin,
    setUpMs,
    startMs,
    written: medusa.written,
    redis: medusa.redis.inMemory ? 'in memory' : 'redis-server',
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Runs the set-up to its end; throws with its last words when it fails. */
export async function setUp(medusa: PlacedMedusa, databaseUrl: string): Promise<void> {
  const { exited } = await medusa.startSetUp(databaseUrl)
  const { code, signal } = await exited
  if (code === 0) return
  const said = await readFile(join(medusa.folder, 'set-up.log'), 'utf8')
  throw new Error(
    `The set-up of Medusa ended with ${code ?? signal}: ${said.slice(-LAST_CHARACTERS)}`,
  )
}

/** Runs the server; returns when it answers. */
export async function served(medusa: PlacedMedusa, databaseUrl: string) {
  const url = `http://127.0.0.1:${medusa.port}`
  const server = await medusa.startServer(databaseUrl)
  const logFile = join(medusa.folder, 'medusa.log')
  const probe = async () => {
    const { status } = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) })
    if (status !== 200) throw new Error(`/health was answered with ${status}`)
  }
  await untilReady(server, { name: 'Medusa', logFile, timeoutMs: START_LIMIT_MS, probe })
  return { url, [Symbol.asyncDispose]: server.stop }
}
