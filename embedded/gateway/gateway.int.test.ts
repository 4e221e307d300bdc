import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { createLogger } from '#observability'
import fastify from 'fastify'
import { expect, test } from 'vitest'
import { freePort } from '../processes/free-port.ts'
import { startGateway } from './gateway.ts'

const logger = createLogger({ service: 'test', level: 'silent' })

test('reading goes to the query API and everything else to the command API', async () => {
  await using world = await twoServices()

  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
  const answers = await Promise.all(
    methods.map(async (method) => (await fetch(`${world.url}/api/stores?a=1`, { method })).json()),
  )

  expect(answers).toMatchObject([
    { service: 'query-api', url: '/api/stores?a=1' },
    { service: 'command-api' },
    { service: 'command-api' },
    { service: 'command-api' },
    { service: 'command-api' },
  ])
})

test('both loopback addresses are served', async () => {
  await using world = await twoServices()

  const answers = ['127.0.0.1', '[::1]'].map((host) => fetch(`http://${host}:${world.port}/health`))

  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
})

test('the correlation id a caller sends reaches the service', async () => {
  await using world = await twoServices()

  const headers = { 'x-correlation-id': 'trace-123' }
  const answer = await fetch(`${world.url}/api/stores`, { headers })

  expect(await answer.json()).toMatchObject({ correlationId: 'trace-123' })
})

test('a request that names another site is refused while there is no authentication', async () => {
  await using world = await twoServices()

  const answer = await world.get('/api/stores', { host: 'evil.example:3001' })

  expect(answer).toMatchObject({ status: 403, problem: { code: 'FORBIDDEN', retryable: false } })
})

test('with authentication any host name is served', async () => {
  await using world = await twoServices({ auth: 'jwt' })

  const answer = await world.get('/api/stores', { host: 'stores.example' })

  expect(answer.status).toBe(200)
})

test('a service that is down is a problem to try again, with the correlation id', async () => {
  await using world = await twoServices()
  await world.services['query-api'].close()

  const headers = { 'x-correlation-id': 'trace-9' }
  const answer = await fetch(`${world.url}/api/stores`, { headers })

  expect(answer.status).toBe(503)
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(await answer.json()).toMatchObject({ correlationId: 'trace-9', retryable: true })
})

test('a path nobody serves is a problem too', async () => {
  await using world = await twoServices()

  const answer = await fetch(`${world.url}/nothing`)

  expect(await answer.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', instance: '/nothing' })
})

test('it is ready when every service is', async () => {
  await using world = await twoServices()

  const answer = await fetch(`${world.url}/health/ready`)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ status: 'ok', failing: [] })
})

test('readiness names the failing part of a service, and a service that does not answer', async () => {
  await using world = await twoServices({ failing: ['postgres'] })
  await world.services['command-api'].close()

  const answer = await fetch(`${world.url}/health/ready`)
  const live = await fetch(`${world.url}/health/live`)

  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ failing: ['postgres', 'command-api'] })
  expect(live.status).toBe(200)
})

test('metrics of all services come together, each sample labelled with its service', async () => {
  await using world = await twoServices()

  const text = await (await fetch(`${world.url}/metrics`)).text()

  expect(text).toBe(`# HELP up Whether it is up
# TYPE up gauge
up{service="query-api"} 1
up{service="command-api"} 1
# HELP seen What was seen
# TYPE seen counter
seen{service="query-api",kind="a b"} 2
seen{service="command-api",kind="a b"} 2
`)
})

test('the API is described as one', async () => {
  await using world = await twoServices()

  const answer = await fetch(`${world.url}/openapi.json`)

  expect(await answer.json()).toMatchObject({
    openapi: '3.1.0',
    paths: { '/api/stores': { get: 'query-api', post: 'command-api' } },
  })
})

interface WorldOptions {
  auth?: 'off' | 'jwt'
  failing?: string[]
}

async function twoServices({ auth = 'off', failing = [] }: WorldOptions = {}) {
  const services = {
    'query-api': echoService('query-api', 'get', failing),
    'command-api': echoService('command-api', 'post', []),
  }
  const urls = {
    'query-api': await services['query-api'].listen({ port: 0 }),
    'command-api': await services['command-api'].listen({ port: 0 }),
  }
  const port = await freePort()
  const gateway = await startGateway({ port, auth, services: urls, logger })
  return {
    services,
    port,
    url: `http://127.0.0.1:${port}`,
    get: (path: string, headers: Record<string, string>) => request(port, path, headers),
    async [Symbol.asyncDispose]() {
      await gateway.close()
      for (const service of Object.values(services)) await service.close()
    },
  }
}

/** A service that says what it was asked. */
function echoService(service: string, method: string, failing: string[]) {
  const app = fastify({ forceCloseConnections: true })
  app.all('/api/*', ({ url, headers }) => ({
    service,
    url,
    correlationId: headers['x-correlation-id'],
  }))
  app.get('/health/ready', (_request, reply) =>
    reply.code(failing.length > 0 ? 503 : 200).send({ failing }),
  )
  app.get('/metrics', () => {
    const up = '# HELP up Whether it is up\n# TYPE up gauge\nup 1\n'
    return `${up}# HELP seen What was seen\n# TYPE seen counter\nseen{kind="a b"} 2\n`
  })
  app.get('/openapi.json', () => ({
    openapi: '3.1.0',
    paths: { '/api/stores': { [method]: service } },
  }))
  return app
}

// fetch does not let a caller choose the host it names.
async function request(port: number, path: string, headers: Record<string, string>) {
  const call = get({ host: '127.0.0.1', port, path, headers })
  const [response]: IncomingMessage[] = await once(call, 'response')
  const problem: unknown = response && (await json(response))
  return { status: response?.statusCode, problem }
}
