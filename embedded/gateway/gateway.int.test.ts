import { once } from 'node:events'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { buildServer, type HttpServer } from '#http'
import { createLogger, type Logger } from '#observability'
import { eventually } from '#test/eventually'
import { freePort } from '../processes/free-port.ts'
import { startGateway } from './gateway.ts'
import { oddRequests } from '#test/http/odd-requests'

const logger = createLogger({ service: 'test', level: 'silent' })
const hosts = ['127.0.0.1', '::1'] as const

test('reading goes to the query API and everything else to the command API', async () => {
  await using world = await system()

  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
  const answers = await Promise.all(
    methods.map(async (method) => (await fetch(`${world.url}/api/echo?a=1`, { method })).json()),
  )

  expect(answers).toMatchObject([
    { service: 'query-api', url: '/api/echo?a=1' },
    ...Array.from({ length: 4 }, () => ({ service: 'command-api' })),
  ])
})

test.for(hosts)('odd requests are answered at %s as the services answer them', async (host) => {
  await using world = await system()

  const differing: unknown[] = []
  for (const { name, bytes, isReading } of oddRequests) {
    const direct = isReading ? world.ports['query-api'] : world.ports['command-api']
    const [expected, actual] = [
      await exchange({ host: '127.0.0.1', port: direct, bytes }),
      await exchange({ host, port: world.port, bytes }),
    ]
    if (JSON.stringify(actual) !== JSON.stringify(expected))
      differing.push({ name, expected, actual })
  }

  expect(differing).toEqual([])
})

test('every error of the front is a problem document, with the same headers as any answer', async () => {
  await using world = await system()

  for (const { name, bytes, isError } of oddRequests.filter((each) => each.isError)) {
    const [answer] = await exchange({ host: '127.0.0.1', port: world.port, bytes })
    expect([name, isError, answer?.headers]).toEqual([
      name,
      true,
      expect.arrayContaining([
        expect.stringMatching(/^content-type: application\/problem\+json/),
        'cache-control: no-store',
        'x-content-type-options: nosniff',
      ]),
    ])
  }
})

test('an answer of 503 is handed on once, with its Retry-After', async () => {
  await using world = await system()

  const answer = await fetch(`${world.url}/api/behind`)

  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '7'])
  expect(world.asked.behind).toBe(1)
})

test('a service that is down is a problem to try again, with the correlation id', async () => {
  await using world = await system()
  await world.services['query-api'].close()

  const headers = { 'x-correlation-id': 'trace-9' }
  const answer = await fetch(`${world.url}/api/echo`, { headers })

  expect(answer.status).toBe(503)
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(await answer.json()).toMatchObject({ correlationId: 'trace-9', retryable: true })
})

test('what the front logs of a request holds no parameter that this API does not know', async () => {
  const lines = new PassThrough()
  const listened = createLogger({ service: 'front', level: 'info', destination: lines })
  await using world = await system({ logger: listened })
  await world.services['query-api'].close()

  await fetch(`${world.url}/api/stores?limit=5&access_token=abc`)

  expect(String(lines.read())).toContain('"/api/stores?limit=5&[redacted]"')
})

test('a service hears at once that a client has gone', async () => {
  await using world = await system()
  const gone = new AbortController()
  const answer = await fetch(`${world.url}/api/silent`, { signal: gone.signal })
  expect(answer.status).toBe(200)

  gone.abort()

  await eventually(() => expect(world.asked.gone).toBe(1))
})

test.for([
  { trustedProxies: [], told: '127.0.0.1' },
  { trustedProxies: ['loopback'], told: '203.0.113.9' },
])('services are told the address $told, with $trustedProxies before the front', async (given) => {
  await using world = await system({ trustedProxies: given.trustedProxies })

  const headers = { 'x-forwarded-for': '198.51.100.6, 203.0.113.9' }
  const answer = await fetch(`${world.url}/api/echo`, { headers })

  expect(await answer.json()).toMatchObject({ address: given.told })
})

test('it is ready when every service is', async () => {
  await using world = await system()

  const answer = await fetch(`${world.url}/health/ready`)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ status: 'ok', failing: [] })
})

test('readiness names the failing check of a service, and a service that does not answer', async () => {
  await using world = await system({ failing: ['postgres'] })
  await world.services['command-api'].close()

  const answer = await fetch(`${world.url}/health/ready`)
  const live = await fetch(`${world.url}/health/live`)

  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ failing: ['postgres', 'command-api'] })
  expect(live.status).toBe(200)
})

test('it listens where it is told, and nowhere else', async () => {
  await using world = await system({ host: '::1' })

  expect(world.url).toBe(`http://[::1]:${world.port}`)
  expect((await fetch(`${world.url}/health/live`)).status).toBe(200)
  await expect(fetch(`http://127.0.0.1:${world.port}/health/live`)).rejects.toThrow('fetch failed')
})

test.for([
  '/health/',
  '/health/live/',
  '/health/ready/?x=1',
  '/openapi.json/',
  '/metrics/query-api/',
])('GET %s is answered as without the last slash, at the front and at a service', async (path) => {
  await using world = await system()
  const service = path.replace('/metrics/query-api', '/metrics')

  expect((await fetch(`${world.url}${path}`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${world.ports['query-api']}${service}`)).status).toBe(200)
})

test('the metrics of each service are its own, and the front says where they are', async () => {
  await using world = await system()

  const metrics = await (await fetch(`${world.url}/metrics/command-api`)).text()
  const where = await fetch(`${world.url}/metrics`)

  expect(metrics).toContain('process_cpu_seconds_total')
  expect([where.status, await where.json()]).toMatchObject([
    404,
    { detail: expect.stringContaining('/metrics/command-api') },
  ])
})

test('the front serves the whole document and its page', async () => {
  await using world = await system()

  const answer = await fetch(`${world.url}/openapi.json`)

  expect(await answer.json()).toMatchObject({
    paths: { '/api/v1/stores': { get: {}, post: {} } },
  })
  expect((await fetch(`${world.url}/docs`)).headers.get('content-type')).toContain('text/html')
})

async function system({
  failing = [],
  host = '127.0.0.1',
  logger: frontLogger = logger,
  trustedProxies = [],
}: { failing?: string[]; host?: string; logger?: Logger; trustedProxies?: string[] } = {}) {
  const asked = { behind: 0, gone: 0 }
  const services = {
    'query-api': queryApi(failing, asked),
    'command-api': commandApi(),
  }
  const urls = {
    'query-api': await services['query-api'].listen({ port: 0, host: '127.0.0.1' }),
    'command-api': await services['command-api'].listen({ port: 0, host: '127.0.0.1' }),
  }
  const port = await freePort()
  const vary = 'X-User-Id'
  const front = { host, port, trustedProxies, vary, services: urls, logger: frontLogger }
  const gateway = await startGateway(front)
  return {
    asked,
    services,
    port,
    ports: {
      'query-api': Number(new URL(urls['query-api']).port),
      'command-api': Number(new URL(urls['command-api']).port),
    },
    url: gateway.url.replace('localhost', '127.0.0.1'),
    async [Symbol.asyncDispose]() {
      gateway.close()
      for (const service of Object.values(services)) await service.close()
    },
  }
}

const store = {
  config: { policy: 'read' },
  schema: { params: z.object({ id: z.uuid() }) },
} as const

// A busy machine must not make the services refuse what is compared.
const quiet = {
  logger,
  auth: { mode: 'off' },
  loopDelayMaxMs: 60_000,
  trustedProxies: ['loopback'],
} as const

function queryApi(failing: string[], asked: { behind: number; gone: number }): HttpServer {
  const checks = Object.fromEntries(
    failing.map((name) => [name, () => Promise.reject(new Error('away'))]),
  )
  const app = buildServer({ ...quiet, service: 'query-api', checks })
  const config = { policy: 'read' } as const
  app.register(async (routes: HttpServer) => {
    routes.get('/api/stores', { config }, () => ({ stores: [] }))
  })
  app.get('/api/stores/:id', store, (request, reply) =>
    reply.header('etag', '"1"').send({ store: request.params }),
  )
  app.get('/api/echo', { config }, ({ url, clientAddress: address }) => ({
    service: 'query-api',
    url,
    address,
  }))
  app.get('/api/behind', { config }, (_request, reply) => {
    asked.behind += 1
    return reply.code(503).header('retry-after', '7').send({})
  })
  app.get('/api/silent', { config }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200)
    reply.raw.flushHeaders()
    reply.raw.once('close', () => (asked.gone += 1))
  })
  return app
}

function commandApi(): HttpServer {
  const app = buildServer({ ...quiet, service: 'command-api' })
  const config = { policy: 'write' } as const
  const schema = { body: z.strictObject({ name: z.string() }) }
  app.register(async (routes: HttpServer) => {
    routes.post('/api/stores', { config, schema }, (request, reply) => {
      const keys = request.raw.headersDistinct['idempotency-key']
      return reply.code(202).send({ name: request.body.name, keys })
    })
  })
  app.delete('/api/stores/:id', { ...store, config }, (_request, reply) => reply.code(202).send({}))
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/api/echo',
    config,
    handler: ({ url }) => ({ service: 'command-api', url }),
  })
  return app
}

interface Answer {
  status: string
  headers: string[]
  body: string
}

/** Sends bytes as they are; what comes back until the server closes, without what differs from time to time. */
async function exchange({ host, port, bytes }: { host: string; port: number; bytes: string }) {
  const socket = connect(port, host)
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  // A server that refuses a body may reset the connection behind its answer.
  socket.on('error', () => {})
  socket.write(bytes, 'latin1')
  socket.setTimeout(5_000, () => socket.destroy())
  await once(socket, 'close')
  return answersIn(received)
}

function answersIn(received: string): Answer[] {
  return received.split(/(?=HTTP\/1\.1 \d{3})/).map((text) => {
    const [head = '', ...body] = text.split('\r\n\r\n')
    const [status = '', ...headers] = head.split('\r\n')
    return {
      status,
      headers: headers.map(steady).toSorted(),
      body: body.join('\r\n\r\n').replace(/"correlationId":"[^"]+"/, '"correlationId":""'),
    }
  })
}

function steady(header: string): string {
  const [name = '', ...value] = header.split(': ')
  const passing = ['date', 'x-correlation-id', 'ratelimit']
  return `${name.toLowerCase()}: ${passing.includes(name.toLowerCase()) ? '' : value.join(': ')}`
}
