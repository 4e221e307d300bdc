import { randomBytes } from 'node:crypto'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackMedusaApp } from '../../../tools/cluster/images/medusa-app.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess } from '../../../embedded/processes/start-process.ts'
import { tempFolder } from '../temp-folder.ts'
import { folderState, writtenSince } from './folder-state.ts'
import { inMemoryConfig } from './in-memory-config.ts'
import { startRedis } from './start-redis.ts'

/** The application of the Medusa image as a copy of its own, with a Redis and an administrator, on no database yet. */
export async function placedMedusa() {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await tempFolder('storewright-medusa-'))
  const redis = stack.use(await startRedis(folder.path))
  const home = await placeApp(folder.path, redis.inMemory)
  const before = await folderState(home)
  const admin = await writeAdmin(folder.path)
  const port = await freePort()
  const given = environment({ redisUrl: redis.url, port, folder: folder.path })
  const start = (name: string, args: string[], databaseUrl: string) => {
    const logFile = join(folder.path, `${name}.log`)
    const env = { ...given, DATABASE_URL: databaseUrl }
    return startProcess({ command: process.execPath, args, cwd: home, env, logFile })
  }
  const parts = stack.move()
  return {
    folder: folder.path,
    home,
    admin,
    redis,
    port,
    /** Starts the set-up in a process group of its own; its log is set-up.log of the folder. */
    startSetUp: (databaseUrl: string) => start('set-up', ['set-up.mts'], databaseUrl),
    startServer: (databaseUrl: string) =>
      start('medusa', ['node_modules/@medusajs/cli/cli.js', 'start'], databaseUrl),
    /** What was made or changed in the application since it was unpacked. */
    written: () => writtenSince(home, before),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

export type PlacedMedusa = Awaited<ReturnType<typeof placedMedusa>>

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
  redisUrl: string
  port: number
  folder: string
}

function environment({ redisUrl, port, folder }: Place): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    NODE_ENV: 'production',
    MEDUSA_DISABLE_TELEMETRY: 'true',
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
