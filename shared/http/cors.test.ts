import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { buildServer } from './build-server.ts'

const page = 'http://localhost:5173'

async function send(request: object, corsOrigins?: readonly string[]) {
  const logger = createLogger({ service: 'test', level: 'silent' })
  await using app = buildServer({ service: 'test', logger, auth: { mode: 'off' }, corsOrigins })
  app.get('/work', { config: { policy: 'read' } }, () => ({}))
  return await app.inject({ url: '/work', ...request })
}

const preflight = (origin: string) => ({
  method: 'OPTIONS',
  headers: {
    origin,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization',
  },
})
const allowing = ({ headers }: { headers: object }) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

test('no page of another origin is allowed anything unless it is listed', async () => {
  for (const origins of [undefined, [], ['http://localhost:1']]) {
    const refused = await send(preflight(page), origins)
    expect([refused.statusCode, allowing(refused)]).toEqual([405, []])
    expect(allowing(await send({ headers: { origin: page } }, origins))).toEqual([])
  }
})

test('a listed page may ask before it sends, and read the answer', async () => {
  const asked = await send(preflight(page), [page])
  const answered = await send({ headers: { origin: page } }, [page])

  expect(asked.statusCode).toBe(204)
  expect(asked.headers).toMatchObject({
    'access-control-allow-origin': page,
    'access-control-allow-methods': expect.stringContaining('DELETE'),
    'access-control-allow-headers': expect.stringContaining('Idempotency-Key'),
  })
  expect(answered.statusCode).toBe(200)
  expect(answered.headers).toMatchObject({
    'access-control-allow-origin': page,
    'access-control-expose-headers': expect.stringContaining('ETag'),
    vary: 'X-User-Id, Origin',
  })
  expect(answered.headers).not.toHaveProperty('access-control-allow-credentials')
})

test('a listed page may send every header that an operation takes, and read every one it answers', async () => {
  const asked = await send(preflight(page), [page])
  const answered = await send({ headers: { origin: page } }, [page])
  const listed = (header: unknown) => String(header).split(', ')

  expect(listed(asked.headers['access-control-allow-headers'])).toEqual(
    expect.arrayContaining(['If-Match', 'Last-Event-ID', 'X-Position', 'X-Reason', 'X-Tenant']),
  )
  expect(listed(answered.headers['access-control-expose-headers'])).toEqual(
    expect.arrayContaining(['Idempotency-Replayed', 'Link', 'X-Position', 'X-Read-Lag']),
  )
  expect(listed(asked.headers['access-control-allow-methods'])).toEqual(
    expect.arrayContaining(['GET', 'HEAD', 'POST', 'DELETE']),
  )
})

test('an error is readable for a listed page too, and a plain OPTIONS stays a 405', async () => {
  const missing = await send({ url: '/nothing', headers: { origin: page } }, [page])
  const options = await send({ method: 'OPTIONS', headers: { origin: page } }, [page])

  expect([missing.statusCode, missing.headers['access-control-allow-origin']]).toEqual([404, page])
  expect(options.statusCode).toBe(405)
})
