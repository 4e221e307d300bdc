import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { createLogger } from '#observability'
import { eventually } from '#test/eventually'
import { buildServer } from '../build-server.ts'

const issuer = 'https://issuer.example'
const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }

type Answer = (response: ServerResponse) => unknown
const publish: Answer = (response) => response.end(JSON.stringify({ keys: [jwk] }))

/** A service whose issuer answers as told; the answer may be changed. */
async function world(answer: Answer) {
  const now = { answer, asked: 0 }
  const publisher = createServer((_, response) => {
    now.asked += 1
    now.answer(response)
  }).listen(0, '127.0.0.1')
  await once(publisher, 'listening')
  const address = publisher.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const jwksUrl = `http://127.0.0.1:${port}/`
  const auth = {
    mode: 'bearer',
    issuers: [{ issuer, audience: 'storewright', jwksUrl }],
  } as const
  const logger = createLogger({ service: 'test', level: 'silent' })
  const app = buildServer({ service: 'test', logger, auth })
  app.get('/read', { config: { policy: 'read' } }, () => ({}))
  return {
    now,
    read: async (kid = 'k1', key = privateKey) => {
      const authorization = `Bearer ${await tokenOf(kid, key)}`
      return app.inject({ url: '/read', headers: { authorization } })
    },
    ready: () => app.inject('/health/ready'),
    async [Symbol.asyncDispose]() {
      await app.close()
      publisher.closeAllConnections()
      publisher.close()
    },
  }
}

function tokenOf(kid: string, key: CryptoKey): Promise<string> {
  return new SignJWT({ tenant: 'acme', roles: ['read'] })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setSubject('alice')
    .setIssuer(issuer)
    .setAudience('storewright')
    .setExpirationTime('1m')
    .sign(key)
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
  const later = await eventually(async () => {
    const again = await service.ready()
    expect(again.statusCode).toBe(200)
    return again
  })

  const problem = { status: 503, code: 'ISSUER_UNAVAILABLE', retryable: true }
  expect(refused.json()).toMatchObject(problem)
  expect(refused.headers['retry-after']).toBeDefined()
  expect(ready.json()).toMatchObject({ status: 'unavailable', failing: ['issuer'] })
  expect(later.json()).toMatchObject({ status: 'ok', checks: { issuer: { status: 'ok' } } })
  expect((await service.read()).statusCode).toBe(200)
})

test('an issuer that does not answer is not asked for each token', async () => {
  await using service = await world((response) => response.destroy())

  for (let sent = 0; sent < 100; sent++)
    expect((await service.read(`unknown-${sent}`)).statusCode).toBe(503)

  expect(service.now.asked).toBeLessThan(20)
})

test('tokens that name keys nobody has do not make us ask for each of them', async () => {
  await using service = await world(publish)

  for (let sent = 0; sent < 100; sent++)
    expect((await service.read(`unknown-${sent}`)).statusCode).toBe(401)

  expect(service.now.asked).toBeLessThan(20)
})

test('an answer without end is not read to its end', async () => {
  let written = 0
  await using service = await world((response) => {
    const chunk = Buffer.alloc(65_536, ' ')
    const more = () => {
      let takesMore = true
      while (takesMore && !response.destroyed) {
        takesMore = response.write(chunk)
        written += chunk.length
      }
    }
    response.on('drain', more)
    more()
  })

  expect((await service.read()).json()).toMatchObject({ status: 503, code: 'ISSUER_UNAVAILABLE' })
  expect(written).toBeLessThan(50_000_000)
})

test('a key that the issuer has just begun to use is taken', async () => {
  await using service = await world(publish)
  expect((await service.read()).statusCode).toBe(200)

  const next = await generateKeyPair('ES256')
  const nextKey = { ...(await exportJWK(next.publicKey)), kid: 'k2', alg: 'ES256' }
  service.now.answer = (response) => response.end(JSON.stringify({ keys: [jwk, nextKey] }))

  await eventually(async () =>
    expect((await service.read('k2', next.privateKey)).statusCode).toBe(200),
  )
})

test('keys that are held are enough: the issuer is not asked for each request or check', async () => {
  await using service = await world(publish)
  await service.ready()

  service.now.answer = (response) => response.destroy()

  expect((await service.read()).statusCode).toBe(200)
  expect((await service.ready()).statusCode).toBe(200)
})
