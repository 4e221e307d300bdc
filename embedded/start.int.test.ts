import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tempFolder } from '#test/temp-folder'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { startEmbeddedEventStore } from './dependencies/event-store.ts'
import { freePort } from './processes/free-port.ts'
import { lockDataFolder } from './stack/data-folder.ts'

const program = fileURLToPath(new URL('start.ts', import.meta.url))
const reset = fileURLToPath(new URL('reset.js', import.meta.url))

test('a taken port is one clear sentence', async () => {
  await using folder = await tempFolder()
  const taker = createServer().listen(0, '127.0.0.1')
  await once(taker, 'listening')
  const address = taker.address()
  const port = typeof address === 'object' ? address?.port : undefined

  const { stderr, exitCode } = await start({ STOREWRIGHT_DATA: folder.path, PORT: `${port}` })
  taker.close()

  expect(stderr).toContain(
    `Storewright cannot start. Port ${port} is taken: end what listens there`,
  )
  expect(exitCode).toBe(1)
})

test('a missing nats-server is one clear sentence, whatever the shell says to other programs', async () => {
  await using folder = await tempFolder()

  const { stderr, exitCode } = await start({
    STOREWRIGHT_DATA: folder.path,
    NODE_PG_FORCE_NATIVE: '1',
    NATS_SERVER_BIN: '/no/such/nats-server',
  })

  expect(stderr).toContain('Storewright cannot start. /no/such/nats-server cannot be started')
  expect(exitCode).toBe(1)
})

test('a data folder that cannot be written is one clear sentence', async () => {
  await using folder = await tempFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')

  const { stderr, exitCode } = await start({ STOREWRIGHT_DATA: join(file, 'data') })

  expect(stderr).toContain(`The data folder ${join(file, 'data')} cannot be written`)
  expect(exitCode).toBe(1)
})

test('a data folder that another one uses is refused', async () => {
  await using folder = await tempFolder()
  const lock = await lockDataFolder(folder.path)

  const { stderr, exitCode } = await start({ STOREWRIGHT_DATA: folder.path })
  lock.release()

  expect(stderr).toContain(`is in use by process ${process.pid}`)
  expect(exitCode).toBe(1)
})

test('a damaged event log is told in the event store’s own words', async () => {
  await using folder = await tempFolder()
  const dataDir = join(folder.path, 'event-store')
  await damagedLog(dataDir)

  const { stderr, exitCode } = await start({ STOREWRIGHT_DATA: folder.path })

  expect(stderr).toContain('Storewright cannot start. The event store ended before it was ready')
  expect(exitCode).toBe(1)
})

test('every problem of the configuration is told at once', async () => {
  const { stderr, exitCode } = await start({ PORT: 'x', AUTH: 'maybe' })

  expect(stderr).toContain('PORT')
  expect(stderr).toContain('AUTH')
  expect(exitCode).toBe(1)
})

test('a reset says what it removes, and leaves what is not ours', async () => {
  await using folder = await tempFolder()
  await mkdir(join(folder.path, 'postgres'))
  await writeFile(join(folder.path, 'mine.txt'), 'kept')

  const { stdout } = await runReset(folder.path)

  expect(stdout).toContain(join(folder.path, 'postgres'))
  expect(await readdir(folder.path)).toEqual(['mine.txt'])
})

test('a reset is refused while the data is in use', async () => {
  await using folder = await tempFolder()
  await mkdir(join(folder.path, 'postgres'))
  const lock = await lockDataFolder(folder.path)

  const { stderr, exitCode } = await runReset(folder.path)
  lock.release()

  expect(stderr).toContain('is in use: end npm start first')
  expect(exitCode).toBe(1)
  expect(await readdir(folder.path)).toContain('postgres')
})

async function start(env: Record<string, string>) {
  return execa(process.execPath, [program], {
    env: { PORT: `${await freePort()}`, LOG_LEVEL: 'silent', ...env },
    reject: false,
    timeout: 25_000,
  })
}

function runReset(dataDir: string) {
  return execa(process.execPath, [reset], { env: { STOREWRIGHT_DATA: dataDir }, reject: false })
}

async function damagedLog(dataDir: string): Promise<void> {
  const place = { dataDir, logFile: join(dataDir, '..', 'log'), port: await freePort() }
  const server = await startEmbeddedEventStore(place)
  await server.stop()
  for (const entry of await readdir(dataDir, { withFileTypes: true }))
    if (entry.isFile()) await writeFile(join(dataDir, entry.name), 'no log at all '.repeat(100))
}
