import { once } from 'node:events'
import { createServer, get, type Server } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from '../../embedded/processes/free-port.ts'
import { problemHeaders, problemOf, problemSchema } from '../../shared/http/problems/problem.ts'

const file = fileURLToPath(new URL('../charts/storewright/Caddyfile', import.meta.url))
const { failed: hasNone } = await execa('caddy', ['version'], { reject: false })
const missing = hasNone ? 'caddy is not on PATH: Debian has it as the package caddy' : undefined

test('Caddy sends reading to the query API and everything else to the command API, unchanged', async ({
  skip,
}) => {
  skip(missing !== undefined, missing)
  await using world = await front()

  const headers = { authorization: 'Bearer x', 'idempotency-key': 'k', 'content-type': 'text/odd' }
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']) {
    const body = method === 'GET' ? null : 'not json'
    const answer = await fetch(`${world.url}/api/v1/a%2Fb?x=%20&y`, { method, headers, body })
    expect(await answer.json()).toMatchObject({
      service: method === 'GET' ? 'query-api' : 'command-api',
      method,
      url: '/api/v1/a%2Fb?x=%20&y',
      body: body ?? '',
      headers,
    })
    expect([answer.status, answer.headers.get('x-own')]).toEqual([418, method])
    expect(answer.headers.get('server')).toBeNull()
  }
})

test.for([
  { TRUSTED_PROXIES: '', told: '127.0.0.1' },
  { TRUSTED_PROXIES: '10.0.0.0/8 127.0.0.0/8', told: '203.0.113.9, 127.0.0.1' },
])(
  'services are told $told of a forwarded request, with $TRUSTED_PROXIES trusted',
  async (given, { skip }) => {
    skip(missing !== undefined, missing)
    await using world = await front({ TRUSTED_PROXIES: given.TRUSTED_PROXIES })

    const headers = { 'x-forwarded-for': '203.0.113.9' }
    const answer = await fetch(`${world.url}/api/v1/stores`, { headers })

    expect(await answer.json()).toMatchObject({ headers: { 'x-forwarded-for': given.told } })
  },
)

test('health and metrics of the services are not published, however they are asked for', async ({
  skip,
}) => {
  skip(missing !== undefined, missing)
  await using world = await front()

  const paths = [
    ['/metrics', '/metrics/', '/metrics?a', '/METRICS', '/%6detrics', '/metrics/x', '//metrics'],
    [
      '/health',
      '/health/ready',
      '/health/live/',
      '/api/../health/live',
      '/./metrics',
      '/%2e/metrics',
    ],
  ]
  for (const path of paths.flat()) {
    const answer = await rawGet(world.port, path)
    expect([path, answer.status]).toEqual([path, 404])
    expect(problemSchema.parse(JSON.parse(answer.body)).code).toBe('ROUTE_NOT_FOUND')
  }
  expect(world.asked).toEqual([])
  expect((await fetch(`${world.url}/front/live`)).status).toBe(200)
})

const codes = {
  400: 'REQUEST_INVALID',
  404: 'ROUTE_NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  503: 'OVERLOADED',
} as const

test.for([
  ['GET /health/ready?secret=x', 404, '/health/ready', 'trace-7'],
  ['GET /%6detrics', 404, '/%6detrics', 'a.b:c/d+e=f@g-h_i'],
  ['GET /metrics/"x', 404, '/', 'trace-7'],
  ['GET /break/%C3%A9?token=x', 503, '/break/%C3%A9', 'trace-7'],
  ['POST /break', 503, '/break', 'x'.repeat(128)],
  ['GET /metrics', 404, '/metrics', undefined],
  ['GET /metrics', 404, '/metrics', 'two words'],
  ['GET /metrics', 404, '/metrics', 'x'.repeat(129)],
  ['GET /metrics', 404, '/metrics', '"'],
  ['CONNECT localhost:1', 405, 'localhost:1', 'trace-7'],
] as const)(
  'what Caddy itself answers to %s is a problem %i with the path and the correlation id of the request',
  async ([line, status, path, correlationId], { skip }) => {
    skip(missing !== undefined, missing)
    await using world = await front({ PUBLIC_URL: 'https://example.com/shops' })
    const given = correlationId === undefined ? '' : `X-Correlation-Id: ${correlationId}\r\n`

    const head = `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${given}\r\n`
    const answer = await exchange(world.port, head)

    expect(answer.status).toBe(status)
    const id = answer.headers['x-correlation-id'] ?? ''
    const code = codes[status]
    const instance = `https://example.com/shops${path}`
    const problem = problemOf({ code, instance, correlationId: id })
    expect(JSON.parse(answer.body)).toEqual(problem)
    expect(answer.headers).toMatchObject(problemHeaders(problem, 'Authorization'))
    expect(id).toMatch(/^[\w.:/+=@-]{1,128}$/)
    expect(id === correlationId).toBe(/^[\w.:/+=@-]{1,128}$/.test(correlationId ?? ''))
  },
)

test.for(['xyz', '2\r\nabcdefgh'])(
  'a body that ends in %j, which is no chunk, is the client’s mistake',
  async (chunk, { skip }) => {
    skip(missing !== undefined, missing)
    await using world = await front()

    const fields = 'Host: localhost\r\nX-Correlation-Id: trace-7\r\nTransfer-Encoding: chunked\r\n'
    const answer = await exchange(world.port, `POST /a?b HTTP/1.1\r\n${fields}\r\n${chunk}\r\n`)

    const about = { instance: '/a', correlationId: 'trace-7' }
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toEqual(problemOf({ code: 'REQUEST_INVALID', ...about }))
  },
)

test('a service that is away is a problem to try again, and a request is sent once', async ({
  skip,
}) => {
  skip(missing !== undefined, missing)
  await using world = await front()
  const broken = await fetch(`${world.url}/break`, { method: 'POST', body: 'x' })
  expect([broken.status, world.asked]).toEqual([503, ['/break']])
  await world.close('query-api')

  const answer = await fetch(`${world.url}/api/v1/stores`)

  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2'])
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  const problem = problemSchema.parse(await answer.json())
  expect(problem).toMatchObject({ code: 'OVERLOADED', retryable: true })
  expect(answer.headers.get('x-correlation-id')).toBe(problem.correlationId)
})

test('Caddy logs no query, which may hold a secret, at any level', async ({ skip }) => {
  skip(missing !== undefined, missing)
  await using world = await front({ LOG_LEVEL: 'debug' })

  for (const path of ['/api/v1/stores?access_token=s3cret', '/break;key=s3cret?s3cret'])
    await fetch(`${world.url}${path}`)

  await eventually(() => expect(world.logged().match(/\[redacted\]/g)?.length).toBeGreaterThan(1))
  expect(world.logged()).not.toContain('s3cret')
})

test('the first line of a stream of changes comes at once', async ({ skip }) => {
  skip(missing !== undefined, missing)
  await using world = await front()

  const { body } = await fetch(`${world.url}/stream`)
  const first = await body?.getReader().read()

  expect(new TextDecoder().decode(first?.value)).toBe(': open\n\n')
})

/** Caddy with the file of the chart, before two services that tell what they were asked. */
async function front(env: Record<string, string> = {}) {
  const folder = await tempFolder('storewright-front-')
  const asked: string[] = []
  const services = {
    'query-api': tell('query-api', asked),
    'command-api': tell('command-api', asked),
  }
  const port = await freePort()
  const caddy = execa('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], {
    reject: false,
    env: {
      ...env,
      PORT: `${port}`,
      QUERY_API: await addressOf(services['query-api']),
      COMMAND_API: await addressOf(services['command-api']),
      XDG_CONFIG_HOME: folder.path,
      XDG_DATA_HOME: folder.path,
    },
  })
  let logged = ''
  caddy.stderr.on('data', (chunk: Buffer) => (logged += chunk.toString()))
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => expect((await fetch(`${url}/front/live`)).status).toBe(200))
  const close = async (name: keyof typeof services) => {
    services[name].closeAllConnections()
    services[name].close()
  }
  return {
    url,
    port,
    asked,
    logged: () => logged,
    close,
    [Symbol.asyncDispose]: async () => {
      caddy.kill('SIGTERM')
      await caddy
      await close('query-api')
      await close('command-api')
      await folder[Symbol.asyncDispose]()
    },
  }
}

function tell(service: string, asked: string[]): Server {
  return createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    asked.push(url)
    if (url.startsWith('/break')) return void request.socket.destroy()
    if (url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write(': open\n\n')
    }
    const body = await text(request).catch(() => 'broken')
    response.writeHead(418, { 'x-own': method })
    response.end(JSON.stringify({ service, method, url, headers, body }))
  }).listen(0, '127.0.0.1')
}

async function addressOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return `127.0.0.1:${port}`
}

/** The whole answer to bytes; the server closes. */
async function exchange(port: number, bytes: string) {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  const [status = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const [name = '', ...value] = line.split(': ')
    return [name.toLowerCase(), value.join(': ')]
  })
  return { status: Number(status.split(' ')[1]), headers: Object.fromEntries(headers), body }
}

/** As it is written: fetch would tidy the path up. */
async function rawGet(port: number, path: string) {
  const [response] = await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')
  return { status: response.statusCode, body: await text(response) }
}
