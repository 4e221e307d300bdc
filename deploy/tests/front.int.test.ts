import { once } from 'node:events'
import { createServer, get, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { eventually } from '#test/eventually'
import { tempFolder } from '#test/temp-folder'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { freePort } from '../../embedded/processes/free-port.ts'
import { problemSchema } from '../../shared/http/problems/problem.ts'

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

test('a service that is away is a problem to try again, and a request is sent once', async ({
  skip,
}) => {
  skip(missing !== undefined, missing)
  await using world = await front()
  const broken = await fetch(`${world.url}/break`, { method: 'POST', body: 'x' })
  expect([broken.status, world.asked]).toEqual([503, ['/break']])
  await world.close('query-api')

  const answer = await fetch(`${world.url}/api/v1/stores`)

  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  const problem = problemSchema.parse(await answer.json())
  expect(problem).toMatchObject({ code: 'OVERLOADED', retryable: true })
  expect(answer.headers.get('x-correlation-id')).toBe(problem.correlationId)
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
    if (url === '/break') return void request.socket.destroy()
    if (url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write(': open\n\n')
    }
    const body = await text(request)
    response.writeHead(418, { 'x-own': method })
    response.end(JSON.stringify({ service, method, url, headers, body }))
  }).listen(0, '127.0.0.1')
}

async function addressOf(server: Server): Promise<string> {
  if (!server.listening) await once(server, 'listening')
  const { port } = z.object({ port: z.number() }).parse(server.address())
  return `127.0.0.1:${port}`
}

/** As it is written: fetch would tidy the path up. */
async function rawGet(port: number, path: string) {
  const [response] = await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')
  return { status: response.statusCode, body: await text(response) }
}
