import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'
import { medusaApp } from '../../../tools/cluster/images/medusa/app.ts'
import { tempFolder } from '../temp-folder.ts'
import { inMemoryConfig } from './in-memory-config.ts'
import { startRedis } from './start-redis.ts'

const SET_UP_LIMIT_MS = 5 * 60_000
const START_LIMIT_MS = 3 * 60_000

/** A real Medusa, set up and started as its image does it, on the PostgreSQL at `databaseUrl`. */
export async function realMedusa(databaseUrl: string) {
  await using stack = new AsyncDisposableStack()
  const app = await medusaApp(process.env)
  const folder = stack.use(await tempFolder('storewright-medusa-'))
  const redis = stack.use(await startRedis(folder.path))
  const home = await placeApp(app, folder.path, redis.inMemory)
  const admin = await writeAdmin(folder.path)
  const port = await freePort()
  const env = environment({ databaseUrl, redisUrl: redis.url, port, home, folder: folder.path })
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
    redis: redis.inMemory ? 'in memory' : 'redis-server',
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

async function setUp(cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  const options = { cwd, env, extendEnv: false, timeout: SET_UP_LIMIT_MS, reject: false } as const
  const { failed, stderr } = await execa(process.execPath, ['set-up.mts'], options)
  if (failed) throw new Error(`The set-up of Medusa failed: ${stderr.slice(-1_000)}`)
}

/** The app stays as it is: what a run writes lies beside links to it. */
async function placeApp(app: string, folder: string, inMemory: boolean): Promise<string> {
  const home = join(folder, 'app')
  await mkdir(join(home, 'static'), { recursive: true })
  const parts = [
    'node_modules',
    'package.json',
    'package-lock.json',
    'public',
    'set-up',
    'set-up.mts',
    'src',
  ]
  for (const part of parts) await symlink(join(app, part), join(home, part))
  const config = join(home, 'medusa-config.js')
  if (inMemory) await writeFile(config, inMemoryConfig)
  else await copyFile(join(app, 'medusa-config.js'), config)
  return home
}

async function writeAdmin(folder: string) {
  const admin = { email: 'owner@shop.example', password: randomBytes(12).toString('hex') }
  await writeFile(join(folder, 'admin-email'), admin.email)
  await writeFile(join(folder, 'admin-password'), admin.password, { mode: 0o600 })
  return admin
}

interface Instance {
  databaseUrl: string
  redisUrl: string
  port: number
  home: string
  folder: string
}

function environment({ databaseUrl, redisUrl, port, home, folder }: Instance): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
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
