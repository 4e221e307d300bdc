import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureTopology, openLeases, openSemaphore } from '#messaging'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { testMessaging } from '#test/servers/test-messaging'
import { expect, test } from 'vitest'
import { freePort } from '../../embedded/processes/free-port.ts'
import { startProcess } from '../../embedded/processes/start-process.ts'
import { toolPath } from '../../embedded/tools.ts'
import { readCompose } from './compose-file.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { services } = await readCompose()
const { command = [], environment = {}, volumes = [] } = services['nats'] ?? {}
const mounted = new Map(volumes.map((mount) => mount.split(':')).map(([from, to]) => [to, from]))

test('NATS as compose starts it takes events, leases and limits', async () => {
  await using folder = await tempFolder()
  await using nats = await startAsCompose(folder.path)
  await using messaging = await testMessaging(nats.url, { timings: 'none' })
  await eventually(async () => expect((await fetch(nats.health)).status).toBe(200))

  await ensureTopology(messaging)

  const leases = openLeases(messaging)
  const semaphore = openSemaphore(messaging)
  expect(await leases.renew('store', 'claim')).toBe(true)
  expect(await leases.statusOf('store', 'claim')).toBe('held')
  expect(await semaphore.tryAcquire({ name: 'all', permitsMax: 1 })).toBeDefined()
  const { duplicate } = await messaging.connection.jetstream().publish('evt.s1.0.StoreRequested')
  expect(duplicate).toBe(false)
  leases.close()
  semaphore.close()
})

/** The command, the environment and the mounted file of compose; only folders and ports are those of this machine. */
async function startAsCompose(folder: string) {
  const [port, healthPort] = [await freePort(), await freePort()]
  const here = (argument: string) => {
    const source = mounted.get(argument)
    if (argument === '8222') return `${healthPort}`
    if (source === undefined) return argument
    return source.startsWith('.') ? join(root, source) : join(folder, source)
  }
  const server = await startProcess({
    command: toolPath('nats-server'),
    args: [...command.map(here), '--addr', '127.0.0.1', '--port', `${port}`],
    env: { ...process.env, ...environment },
    logFile: join(folder, 'nats.log'),
  })
  return {
    url: `nats://127.0.0.1:${port}`,
    health: `http://127.0.0.1:${healthPort}/healthz`,
    [Symbol.asyncDispose]: server.stop,
  }
}
