import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError } from '#domain'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { buildServer, type HttpServer, type ServerOptions } from './build-server.ts'
import { callerOf } from './auth/caller.ts'
import { reportReadiness } from './health.ts'

const lines = new PassThrough()
const logged = () => {
  const chunk: unknown = lines.read()
  return (Buffer.isBuffer(chunk) ? chunk.toString() : '')
    .split('\n')
    .filter(Boolean)
    .map((line): Record<string, unknown> => JSON.parse(line))
}

let app: HttpServer
afterEach(() => app.close())

/** A server with one route: it greets, or throws what the test wants. */
async function serve(options: Partial<ServerOptions> = {}, thrown?: unknown) {
  lines.read()
  const logger = createLogger({ service: 'test', level: 'info', destination: lines })
  app = buildServer({ service: 'test', logger, auth: { mode: 'off' }, ...options })
  app.register(
    async (routes: HttpServer) =>
      void routes.post(
        '/greetings/:id',
        {
          config: { policy: 'write' },
          schema: {
            params: z.object({ id: z.string() }),
            body: z.strictObject({ name: z.string() }),
          },
        },
        async (request) => {
          if (thrown !== undefined) throw thrown
          return { hello: request.body.name, tenant: callerOf(request).tenantId }
        },
      ),
  )
  await app.ready()
  return app
}

const greet = (payload: unknown = { name: 'x' }, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/greetings/1',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

// light-my-request's types do not know QUERY.
const inject = ({ method, url }: { method: string; url: string }) =>
  app.inject(Object.assign({ url }, { method: JSON.parse(JSON.stringify(method)) }))

test('a problem names the address at which its client sees the API', async () => {
  await serve({ publicUrl: 'https://example.com/storewright' })

  const answer = await greet({ name: 1 })

  expect(answer.json()).toMatchObject({ instance: 'https://example.com/storewright/greetings/1' })
})

const singleHeaders = ['host', 'authorization', 'content-type', 'x-position', 'Idempotency-Key']

test.for([...singleHeaders, 'X-User-Id', 'X-Tenant', 'X-Reason'])(
  '%s in two lines is refused, as it has one value',
  async (name) => {
    await serve()
    const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect(Number(url.port), url.hostname)
    const host = name === 'host' ? '' : 'Host: localhost\r\n'
    const twice = `${name}: localhost\r\n${name}: localhost\r\n`
    socket.end(`GET /greetings/1 HTTP/1.1\r\n${host}${twice}Connection: close\r\n\r\n`)

    const answer = await text(socket)

    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain(`${name.toLowerCase()} must be sent once`)
  },
)

test.for([
  ['a body that is no JSON', '{', {}, 400, 'REQUEST_INVALID'],
  ['an empty body', '', {}, 400, 'REQUEST_INVALID'],
  ['a body with a prototype in it', '{"name":"x","__proto__":{}}', {}, 400, 'REQUEST_INVALID'],
  ['a body of more than 16 KiB', `{"name":"${'x'.repeat(17_000)}"}`, {}, 413, 'BODY_TOO_LARGE'],
  ['a form', 'name=x', { 'content-type': 'text/plain' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  [
    'a tenant that no stream could be named after',
    '{}',
    { 'x-user-id': 'a b' },
    401,
    'UNAUTHENTICATED',
  ],
] as const)('%s is a problem document', async ([, body, headers, status, code]) => {
  await serve()

  const answer = await greet(body, headers)

  expect(answer.statusCode).toBe(status)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.json()).toMatchObject({
    type: `urn:storewright:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    status,
    code,
    instance: '/greetings/1',
    correlationId: answer.headers['x-correlation-id'],
  })
})

test('each fault of a body is named by a JSON Pointer', async () => {
  await serve()

  const { errors } = (await greet({ name: 1, 'a/b': 2 })).json()

  expect(errors).toMatchObject([
    { in: 'body', pointer: '/name' },
    { in: 'body', pointer: '/a~1b', detail: 'is not known' },
  ])
})

test.for([
  ['GET', '/nothing', 404, undefined],
  ['POST', '/nothing', 404, undefined],
  ['GET', '/greetings/1', 405, 'POST'],
  ['DELETE', '/health/live', 405, 'GET, HEAD'],
  ['POST', '/greetings/%zz', 400, undefined],
] as const)('%s %s is a problem document of status %i', async ([method, url, status, allow]) => {
  await serve()

  const answer = await app.inject({ method, url })

  expect(answer.json()).toMatchObject({ status, instance: url })
  expect(answer.headers.allow).toBe(allow)
})

test.for(['QUERY', 'PUT', 'DELETE', 'PATCH'])(
  '%s where another service of the API serves other methods is a 405 with all of them',
  async (method) => {
    await serve()

    const answer = await inject({ method, url: '/api/stores' })

    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST'])
  },
)

test('every answer has the security headers, and says that nobody keeps it', async () => {
  await serve()

  const answers = await Promise.all(
    ['/health/live', '/nothing', '/greetings/%zz'].map((url) => app.inject({ url })),
  )

  for (const { headers } of [...answers, await greet(), await greet('{')])
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      vary: 'X-User-Id',
    })
})

test.for([
  [{ host: 'evil.example' }, 403],
  [{ origin: 'https://evil.example' }, 403],
  [{ origin: 'null' }, 403],
  [{ host: 'localhost:3001', origin: 'http://127.0.0.1:8080' }, 200],
  [{ host: '[::1]:3001' }, 200],
] as const)(
  'without authentication a request with %j is answered %i',
  async ([headers, status]) => {
    await serve()

    expect((await greet(undefined, headers)).statusCode).toBe(status)
  },
)

test('a coded body is a 415 that says what is taken', async () => {
  await serve()

  const answer = await greet('x', { 'content-encoding': 'gzip' })

  expect([answer.statusCode, answer.headers['accept-encoding']]).toEqual([415, 'identity'])
})

test('requests that are mistaken count towards the limit too', async () => {
  await serve({ rateLimitPerMinute: 2 })

  const statuses = []
  for (const body of ['{', { name: 5 }, '{']) statuses.push((await greet(body)).statusCode)

  expect(statuses).toEqual([400, 400, 429])
})

test.for([
  [{ 'content-type': 'text/plain' }, 415],
  [{ 'content-encoding': 'gzip' }, 415],
  [{ origin: 'https://evil.example' }, 403],
  [{ expect: 'x' }, 417],
] as const)('of requests with %j, one beyond the limit is told so', async ([headers, status]) => {
  await serve({ rateLimitPerMinute: 1 })

  const statuses = []
  for (const _ of [1, 2]) statuses.push((await greet(undefined, headers)).statusCode)

  expect(statuses).toEqual([status, 429])
})

test.for(['GET / HTTP/1.1\r\nhost: ', 'POST /greetings/1 HTTP/1.1\r\nhost: localhost\r\n'])(
  'a request that does not go on after %j is ended in the time it is given',
  async (sent) => {
    const url = await (await serve({ requestTimeoutMs: 200 })).listen({ port: 0 })
    const socket = connect(Number(new URL(url).port), 'localhost')
    socket.write(sent)

    expect(await text(socket)).toMatch(/^HTTP\/1.1 408 [^]*application\/problem\+json/)
  },
)

test('what failed inside is logged, and not told', async () => {
  await serve({}, new Error('password of db-7 is wrong'))

  const answer = await greet(undefined, { 'x-correlation-id': 'trace-123' })

  expect(answer.statusCode).toBe(500)
  expect(answer.json()).toMatchObject({ code: 'INTERNAL', correlationId: 'trace-123' })
  expect(answer.body).not.toContain('db-7')
  expect(JSON.stringify(logged())).toContain('password of db-7')
})

test('a dependency that is away is a 503 that says when to come back, and not which machine', async () => {
  const unavailable = new AppError('EVENT_STORE_UNAVAILABLE', 'connect 10.0.0.7', {
    retryable: true,
  })
  await serve({}, unavailable)

  const answer = await greet()

  expect(answer.headers['retry-after']).toBe('2')
  expect(answer.json()).toMatchObject({ status: 503, retryable: true })
  expect(answer.body).not.toContain('10.0.0.7')
})

test('an error that says it will not pass is not said to be worth repeating', async () => {
  await serve({}, new AppError('EVENT_STORE_UNAVAILABLE', 'gone for good', { retryable: false }))

  const answer = await greet()

  expect(answer.json()).toMatchObject({ status: 503, retryable: false })
  expect(answer.headers['retry-after']).toBeUndefined()
})

test('a correlation id is echoed and stands in every line; one that is none is replaced', async () => {
  await serve()

  const answer = await greet(undefined, { 'x-correlation-id': 'trace-123' })
  const replaced = await greet(undefined, { 'x-correlation-id': 'a b\u00e4' })

  expect(answer.headers['x-correlation-id']).toBe('trace-123')
  expect(replaced.headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/)
  expect(logged()).toMatchObject([
    { correlationId: 'trace-123', msg: 'request answered', status: 200, tenantId: 'demo' },
    { correlationId: replaced.headers['x-correlation-id'] },
  ])
})

test.for([
  ['/greetings/1?limit=5&access_token=abc', '/greetings/1?limit=5&[redacted]'],
  ['/greetings/1?access%5Ftoken=a=b&q=x', '/greetings/1?[redacted]&q=x'],
  ['/greetings/1?abc', '/greetings/1?[redacted]'],
  ['/greetings/1?YWJj=', '/greetings/1?[redacted]'],
  ['/nothing?key=a?b', '/nothing?[redacted]?[redacted]'],
  ['/greetings/1?limit=5;access_token=abc', '/greetings/1?limit=5;[redacted]'],
  ['/greetings/1?limit=5;q=abc', '/greetings/1?limit=5;[redacted]'],
  ['/greetings/1?LIMIT=5&%6Cimit=5&limit[]=5', '/greetings/1?[redacted]&[redacted]&[redacted]'],
  ['/greetings/1;token=abc?q=x', '/greetings/1;[redacted]?q=x'],
  ['/greetings;token=abc/1;b', '/greetings;[redacted]/1;[redacted]'],
  ['/greetings/1#access_token=abc', '/greetings/1#[redacted]'],
  ['/greetings/1?q=x#limit=abc', '/greetings/1?q=x#[redacted]'],
  ['/greetings/1&token=abc', '/greetings/[redacted]'],
  ['/greetings%3Ftoken%3Dabc', '/[redacted]'],
  [`/api/v1/keys/sw_0123456789abcdef_${'a'.repeat(49)}`, '/api/v1/keys/[redacted]'],
  [
    '/api/stores/1370e47d-8d7d-5183-9bf7-62a6e8d65a84',
    '/api/stores/1370e47d-8d7d-5183-9bf7-62a6e8d65a84',
  ],
  ['http://user:abc@localhost/greetings/1', 'http://localhost/greetings/1'],
  ['http://user:a@b:c@localhost/greetings/1', 'http://localhost/greetings/1'],
  ['http://user:123?@localhost/greetings/1', 'http://[redacted]?[redacted]'],
  ['ftp://user:abc@localhost/greetings/1', '[redacted]//localhost/greetings/1'],
  ['//user:abc@localhost/1', '//localhost/1'],
])('the log of %s holds nothing that this API does not know', async ([url, shown]) => {
  await serve()
  const listening = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const socket = connect(Number(listening.port), listening.hostname)

  socket.end(`DELETE ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  await text(socket)

  const seen: unknown[] = []
  await eventually(() => {
    seen.push(...logged())
    expect(seen).toContainEqual(expect.objectContaining({ msg: 'request answered', url: shown }))
  })
})

test('the tenant is in X-User-Id, or demo, where there is no authentication', async () => {
  await serve()

  expect((await greet()).json()).toEqual({ hello: 'x', tenant: 'demo' })
  expect((await greet(undefined, { 'x-user-id': 'alice' })).json()).toMatchObject({
    tenant: 'alice',
  })
})

test('a route without a policy fails at start', async () => {
  await serve()
  const other = buildServer({
    service: 'test',
    logger: createLogger({ service: 't', level: 'silent' }),
  })

  expect(() => other.get('/open', async () => 'x')).toThrow('GET /open has no policy')
  expect(() => other.get('/mine', { config: { policy: 'read' } }, async () => 'x')).toThrow(
    'no authentication',
  )
})

test('readiness names each check that fails, without its reason; health is always 200', async () => {
  await serve({
    checks: {
      database: async () => Promise.reject(new Error('10.0.0.7 refused')),
      hanging: () => new Promise(() => {}),
      eventStore: async () => {},
    },
    healthTimeoutMs: 50,
  })

  const ready = await app.inject('/health/ready')

  expect(ready.statusCode).toBe(503)
  expect(ready.json()).toMatchObject({
    failing: ['database', 'hanging'],
    checks: { eventStore: { status: 'ok' } },
  })
  expect(ready.body).not.toContain('10.0.0.7')
  for (const url of ['/health', '/health/live'])
    expect((await app.inject(url)).statusCode).toBe(200)
})

test('metrics count requests by route, not by address', async () => {
  await serve()
  await greet()

  const { body } = await app.inject('/metrics')

  expect(body).toContain('http_request_duration_seconds_count{method="POST",route="/greetings/:id"')
  expect(body).toContain('process_cpu_seconds_total')
})

test.for([
  ['what is no HTTP', 'HELLO\r\n\r\n', 400],
  [
    'headers of more than 8 KiB',
    `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(9_000)}\r\n\r\n`,
    431,
  ],
] as const)('%s is a problem document too', async ([, sent, status]) => {
  const { port } = new URL(await (await serve()).listen({ port: 0, host: '127.0.0.1' }))
  const socket = connect(Number(port), '127.0.0.1')
  await once(socket, 'connect')

  socket.write(sent)

  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(JSON.parse(body)).toMatchObject({ status, code: 'REQUEST_INVALID' })
})

const page = 'https://panel.example'
const slow =
  'POST /greetings/1 HTTP/1.1\r\nHost: localhost\r\nX-Correlation-Id: trace-7\r\nContent-Type: application/json\r\n'

test.for([
  ['no HTTP', 'HELLO\r\n\r\n', undefined],
  ['a method in small letters', 'get / HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
  ['too large headers', `GET / HTTP/1.1\r\nx: ${'x'.repeat(9_000)}\r\n\r\n`, undefined],
  ['headers without end', 'GET / HTTP/1.1\r\nhost: ', undefined],
  ['a tunnel', 'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n', undefined],
  ['a body without end', `${slow}Content-Length: 9\r\n\r\n{`, '/api/greetings/1'],
  ['a broken chunk', `${slow}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, '/api/greetings/1'],
  [
    'a bad address',
    'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    '/api/%zz',
  ],
] as const)('%s is answered with the headers that every problem has', async ([, sent, path]) => {
  const publicUrl = 'https://example.com/api'
  await serve({ requestTimeoutMs: 200, corsOrigins: [page], publicUrl })
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const ask = async (bytes: string) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(bytes)
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
    const [, ...headers] = head.toLowerCase().split('\r\n')
    const given: [string, string][] = headers.map((line) => {
      const [name = '', ...value] = line.split(': ')
      return [name, value.join(': ')]
    })
    return { headers: Object.fromEntries(given), problem: JSON.parse(body) }
  }
  const differing = { date: '', 'content-length': '', 'x-correlation-id': '', allow: '' }

  const usual = await ask('GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  const broken = await ask(sent)

  expect({ ...broken.headers, ...differing }).toEqual({ ...usual.headers, ...differing })
  expect(Date.parse(broken.headers['date'] ?? '')).toBeGreaterThan(0)
  expect(broken.headers['x-correlation-id']).toBe(broken.problem.correlationId)
  expect(Object.keys(broken.problem)).toEqual(Object.keys(usual.problem))
  expect(broken.problem.instance).toBe(path === undefined ? '' : path.replace('/api', publicUrl))
  expect(sent.includes('trace-7')).toBe(broken.problem.correlationId === 'trace-7')
})

test('what is no HTTP in the middle of an answer ends the connection and adds nothing to the answer', async () => {
  const logger = createLogger({ service: 'test', level: 'silent' })
  app = buildServer({ service: 'test', logger, auth: { mode: 'off' } })
  app.get('/endless', { config: { policy: 'read' } }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200)
    reply.raw.write('begun')
  })
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
  const socket = connect(Number(port), '127.0.0.1')
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  socket.on('error', () => {})
  socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => expect(received).toContain('begun'))

  socket.write('HELLO\r\n\r\n')
  await once(socket, 'close')

  expect(received).toMatch(/begun\r\n$/)
})

test('a dependency that answers some moments after the start is waited for without a warning', async () => {
  await serve()
  const logger = createLogger({ service: 'test', level: 'info', destination: lines })
  let tries = 0
  const dependency = async () => {
    if (++tries < 3) throw new Error('not yet')
  }

  await reportReadiness({ checks: { dependency }, logger, signal: new AbortController().signal })

  const waiting = { level: 'info', check: 'dependency', reason: 'not yet' }
  expect(logged()).toMatchObject([waiting, waiting, { msg: 'ready' }])
})
