import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from '../../embedded/processes/free-port.ts'
import { toolPath } from '../../embedded/tools.ts'
import { eventually } from '#test/eventually'
import { natsWith } from '#test/servers/nats-with'
import { testEventStore } from '#test/servers/test-eventstore'
import { tempFolder } from '#test/temp-folder'

const root = fileURLToPath(new URL('../..', import.meta.url))
const withoutMemory = 'jetstream { max_memory_store: 0 }'
const health = z.object({ failing: z.array(z.string()) })

test.each(['relay', 'provisioner'])(
  'a %s whose NATS has no memory store ends with the name of the setting',
  async (service) => {
    await using nats = await natsWith(withoutMemory)
    await using folder = await tempFolder()

    const { exitCode, stderr } = await run(service, folder.path, { NATS_URL: nats.url })

    expect(stderr).toContain(`The ${service} cannot run: `)
    expect(stderr).toContain('jetstream.max_memory_store')
    expect(exitCode).toBe(1)
  },
)

test('npm start ends in good order with the name of the setting', async () => {
  await using nats = await natsWith(withoutMemory)
  await using folder = await tempFolder()
  const env = { NATS_URL: nats.url, STOREWRIGHT_DATA: folder.path, PORT: `${await freePort()}` }

  const { exitCode, all } = await execa('npm', ['start'], {
    cwd: root,
    env,
    reject: false,
    all: true,
  })

  expect(all).toContain('jetstream.max_memory_store')
  expect(all).toContain('"msg":"ended"')
  expect(exitCode).toBe(1)
})

test('a relay that is at work when such a NATS takes the place of its own stays, and is not ready', async () => {
  await using folder = await tempFolder()
  await using log = await testEventStore()
  const nats = await natsWith('jetstream { max_memory_store: 64MB }')
  const port = await freePort()
  const env = { NATS_URL: nats.url, EVENTSTORE_URL: log.url, PORT: `${port}` }
  const running = run('relay', folder.path, env)
  const ready = () => fetch(`http://127.0.0.1:${port}/health/ready`)
  await eventually(async () => expect((await ready()).status).toBe(200))

  await nats[Symbol.asyncDispose]()
  await using _ = await natsWith(withoutMemory, { port: nats.port })

  await eventually(async () => {
    const { failing } = health.parse(await (await ready()).json())
    expect(failing).toEqual(['relay'])
  })
  running.kill('SIGTERM')
  const { exitCode, stdout } = await running
  expect(stdout).toContain('jetstream.max_memory_store')
  expect(exitCode).toBe(0)
})

function run(service: string, folder: string, env: Record<string, string>) {
  return execa(process.execPath, [`services/${service}/main.ts`], {
    cwd: root,
    extendEnv: false,
    env: {
      PATH: process.env['PATH'],
      HELM_BIN: toolPath('helm'),
      RELEASES_DIR: folder,
      EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
      DATABASE_URL: 'postgres://storewright@127.0.0.1:1/storewright',
      ...env,
    },
    reject: false,
  })
}
