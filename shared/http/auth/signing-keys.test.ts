import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { buildServer } from '../build-server.ts'

const issuer = 'https://issuer.example'
const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }

type Answer = (response: ServerResponse) => unknown
const publish: Answer = (response) => response.end(JSON.stringify({ keys: [jwk] }))

/** A service whose issuer answers as told; the answer may be changed. */
async function world(answer: Answer) {
  const now = { answer }
  const publisher = createServer((_, response) => now.answer(response)).listen(0, '127.0.0.1')
  await once(publisher, 'listening')
  const address = publisher.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const jwksUrl = `http://127.0.0.1:${port}/`
  const auth = { mode: 'jwt', issuer, audience: 'storewright', jwksUrl } as const
  const logger = createLogger({ service: 'test', level: 'silent' })
  const app = buildServer({ service: 'test', logger, auth })
  app.get('/read', { config: { policy: 'read' } }, () => ({}))
  const token = new SignJWT({ tenant: 'acme', roles: ['read'] })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setSubject('alice')
    .setIssuer(issuer)
    .setAudience('storewright')
    .setExpirationTime('1m')
  const authorization = `Bearer ${await token.sign(privateKey)}`
  return {
    now,
    read: () => app.inject({ url: '/read', headers: { authorization } }),
    ready: () => app.inject('/health/ready'),
    async [Symbol.asyncDispose]() {
      await app.close()
      publisher.closeAllConnections()
      publisher.close()
    },
  }
}

test.each<[string, Answer]>([
  ['cannot be reached', (response) => response.destroy()],
  ['answers 500', (response) => response.writeHead(500).end()],
  ['answers with a page', (response) => response.end('<html>')],
  ['answers with no key set', (response) => response.end('{}')],
  ['has no keys', (response) => response.end('{"keys":[]}')],
])('while the issuer %s, no token can be checked, and readiness says so', async (_, answer) => {
  await using service = await world(answer)

  const refused = await service.read()
  const ready = await service.ready()
  service.now.answer = publish
  const later = await service.ready()

  const problem = { status: 503, code: 'ISSUER_UNAVAILABLE', retryable: true }
  expect(refused.json()).toMatchObject(problem)
  expect(refused.headers['retry-after']).toBeDefined()
  expect(ready.json()).toMatchObject({ status: 'unavailable', failing: ['issuer'] })
  expect(later.json()).toMatchObject({ status: 'ok', checks: { issuer: { status: 'ok' } } })
  expect((await service.read()).statusCode).toBe(200)
})

test('keys that are held are enough: the issuer is not asked for each request or check', async () => {
  await using service = await world(publish)
  await service.ready()

  service.now.answer = (response) => response.destroy()

  expect((await service.read()).statusCode).toBe(200)
  expect((await service.ready()).statusCode).toBe(200)
})
