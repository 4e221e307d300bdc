import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { storeClient } from '#test/stack/store-client'
import { tempFolder } from '#test/temp-folder'
import { testDatabase } from '#test/servers/test-database'
import { testEventStore } from '#test/servers/test-eventstore'
import { testIssuer } from '#test/servers/test-issuer'
import { testNats } from '#test/servers/test-nats'
import { operatorSettings, readCompose } from '../../deploy/tests/compose-file.ts'
import { freePort } from '../../embedded/processes/free-port.ts'
import { startProcess } from '../../embedded/processes/start-process.ts'
import { toolPath } from '../../embedded/tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const names = ['projector', 'relay', 'provisioner', 'query-api', 'command-api'] as const
const patience = { timeoutMs: 60_000, everyMs: 200 }

test('every service runs on exactly the environment the compose file gives it, and a store requested with a token becomes ready', async () => {
  await using dependencies = await startDependencies()
  const urls: Record<string, string> = {}
  for (const name of names) urls[name] = await dependencies.startService(name)

  for (const url of Object.values(urls))
    await eventually(async () => {
      const answer = await fetch(`${url}/health/ready`)
      expect(await answer.json()).toMatchObject({ status: 'ok' })
    }, patience)

  const authorization = `Bearer ${await dependencies.issuer.token('acme', ['read', 'write'])}`
  const commands = storeClient(urls['command-api'] ?? '')
  const id = await commands.accepted({ headers: { authorization } })
  await eventually(async () => {
    const answer = await fetch(`${urls['query-api']}/api/stores/${id}`, {
      headers: { authorization },
    })
    expect(await answer.json()).toMatchObject({ store: { status: 'ready', tenantId: 'acme' } })
  }, patience)

  expect((await commands.request({})).status).toBe(401)
})

/** The embedded dependencies in the place of compose's containers. */
async function startDependencies() {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await tempFolder())
  const eventStore = stack.use(await testEventStore())
  const nats = stack.use(await testNats())
  const database = stack.use(await testDatabase())
  const issuer = stack.use(await testIssuer())
  const { services } = await readCompose({
    ...operatorSettings,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    AUTH_JWKS_URL: issuer.jwksUrl,
  })
  // Only where things are differs from a container: addresses, and paths inside the image.
  const here = (port: number): Record<string, string> => ({
    HOST: '127.0.0.1',
    PORT: `${port}`,
    EVENTSTORE_URL: eventStore.url,
    NATS_URL: nats.url,
    DATABASE_URL: database.url,
    HELM_BIN: toolPath('helm'),
    CHARTS_DIR: join(root, 'deploy/charts'),
    RELEASES_DIR: join(folder.path, 'releases'),
  })
  const startService = async (name: (typeof names)[number]) => {
    const port = await freePort()
    const places = here(port)
    const given = Object.entries(services[name]?.environment ?? {})
    const env = Object.fromEntries(given.map(([key, value]) => [key, places[key] ?? value]))
    const [, program = ''] = services[name]?.command ?? []
    const service = await startProcess({
      command: process.execPath,
      args: [join(root, program)],
      env,
      logFile: join(folder.path, `${name}.log`),
    })
    stack.defer(service.stop)
    return `http://127.0.0.1:${port}`
  }
  return { issuer, startService, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
