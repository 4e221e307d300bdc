import { randomBytes } from 'node:crypto'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'
import { unpackMedusaApp } from '../../../tools/cluster/images/medusa/app.ts'
import { tempFolder } from '../temp-folder.ts'
import { folderState, writtenSince } from './folder-state.ts'
import { inMemoryConfig } from './in-memory-config.ts'
import { startRedis } from './start-redis.ts'

const SET_UP_LIMIT_MS = 5 * 60_000
const START_LIMIT_MS = 3 * 60_000

/** A real Medusa, set up and started as its image does it, on the PostgreSQL at `databaseUrl`. */
export async function realMedusa(databaseUrl: string) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await tempFolder('storewright-medusa-'))
  const redis = stack.use(await startRedis(folder.path))
  const home = await placeApp(folder.path, redis.inMemory)
  const before = await folderState(home)
  const admin = await writeAdmin(folder.path)
  const port = await freePort()
  const env = environment({ databaseUrl, redisUrl: redis.url, port, folder: folder.path })
  const startedAt = performance.now()
  await setUp(home, env)
  const setUpMs = Math.round(performance.now() - startedAt)
  const logFile = join(folder.path, 'medusa.log')
  const args = ['node_modules/@medusajs/cli/cli.js', 'start']
  const server = await startProcess({ command: process.execPath, args, cwd: home, env, logFile })
  stack.defer(server.stop)
  const url = `http://127.0.0.1:${port}`
  const probe = async () => {
    const { status } = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) })
    if (status !== 200) throw new Error(`/health was answered with ${status}`)
  }
  await untilReady(server, { name: 'Medusa', logFile, timeoutMs: START_LIMIT_MS, probe })
  const startMs = Math.round(performance.now() - startedAt) - setUpMs
  const parts = stack.move()
  return {
    url,
    admin,
    setUpMs,
    startMs,
    /** What was made or changed in the application since it was unpacked. */
    written: () => writtenSince(home, before),
    redis: redis.inMemory ? 'in memory' : 'redis-server',
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

async function setUp(cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const options = { cwd, env, extendEnv: false, timeout: SET_UP_LIMIT_MS, reject: false } as const
  const { failed, stderr } = await execa(process.execPath, ['set-up.mts'], options)
  if (failed) throw new Error(`The set-up of Medusa failed: ${stderr.slice(-1_000)}`)
}

/** A copy of this run's own. */
async function placeApp(folder: string, inMemory: boolean): Promise<string> {
  const home = join(folder, 'app')
  const given = process.env['MEDUSA_APP_DIR']
  if (given === undefined) await unpackMedusaApp(home, process.env)
  else await cp(given, home, { recursive: true, verbatimSymlinks: true })
  await mkdir(join(home, 'static'), { recursive: true })
  if (inMemory) await writeFile(join(home, 'medusa-config.js'), inMemoryConfig)
  return home
}

async function writeAdmin(folder: string) {
  const admin = { email: 'owner@shop.example', password: randomBytes(12).toString('hex') }
  await writeFile(join(folder, 'admin-email'), admin.email)
  await writeFile(join(folder, 'admin-password'), admin.password, { mode: 0o600 })
  return admin
}

interface Place {
  databaseUrl: string
  redisUrl: string
  port: number
  folder: string
}

function environment({ databaseUrl, redisUrl, port, folder }: Place): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    NODE_ENV: 'production',
    MEDUSA_DISABLE_TELEMETRY: 'true',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    STORE_URL: 'https://shop.example.com',
    STORE_NAME: 'Real shop',
    JWT_SECRET: randomBytes(16).toString('hex'),
    COOKIE_SECRET: randomBytes(16).toString('hex'),
    ADMIN_EMAIL_FILE: join(folder, 'admin-email'),
    ADMIN_PASSWORD_FILE: join(folder, 'admin-password'),
    PORT: String(port),
  }
}
