import { createServer } from 'node:http'
import { once } from 'node:events'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppError } from '#domain'
import { createLogger } from '#observability'
import { buildServer, type HttpServer } from '../build-server.ts'
import { type KeyRing, newKey } from './api-keys.ts'
import { callerOf } from './caller.ts'

const issuer = 'https://issuer.example'
const audience = 'storewright'
let app: HttpServer
let lost: HttpServer
let strict: HttpServer
let privateKey: CryptoKey
const jwks = createServer()

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  privateKey = pair.privateKey
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }]
  jwks.on('request', (_request, response) => response.end(JSON.stringify({ keys })))
  jwks.listen(0, '127.0.0.1')
  await once(jwks, 'listening')
  const address = jwks.address()
  const port = typeof address === 'object' ? address?.port : undefined
  app = serve(`http://127.0.0.1:${port}/jwks`)
  lost = serve('http://127.0.0.1:1/jwks')
  strict = serve(`http://127.0.0.1:${port}/jwks`, 'application/AT+jwt')
})
afterAll(async () => {
  await Promise.all([app.close(), lost.close(), strict.close()])
  jwks.close()
})

function serve(jwksUrl: string, tokenType?: string): HttpServer {
  const logger = createLogger({ service: 'test', level: 'silent' })
  const auth = { mode: 'bearer', issuers: [{ issuer, audience, jwksUrl, tokenType }] } as const
  const server = buildServer({ service: 'test', logger, auth })
  for (const policy of ['read', 'write', 'admin'] as const)
    server.get(`/${policy}`, { config: { policy } }, async (request) => callerOf(request))
  return server
}

const claims = { sub: 'alice', tenant: 'acme', roles: ['write'] }

function sign(payload: JWTPayload = claims, expires: string | number = '1m', key = privateKey) {
  const token = new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1' })
  return token.setIssuer(issuer).setAudience(audience).setExpirationTime(expires).sign(key)
}

const get = (url: string, token: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers: { authorization: `Bearer ${token}`, ...headers } })

test('the tenant is the token’s, whatever else the request says', async () => {
  const answer = await get('/read', await sign(), { 'x-user-id': 'mallory' })

  expect(answer.json()).toEqual({
    tenantId: 'acme',
    actor: 'user:alice',
    roles: ['read', 'write'],
    expiresAt: expect.any(Number),
  })
})

test('a role includes the ones below it and none above', async () => {
  const token = await sign()

  expect((await get('/write', token)).statusCode).toBe(200)
  expect((await get('/admin', token)).json()).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  expect((await get('/admin', await sign({ ...claims, roles: ['admin'] }))).statusCode).toBe(200)
})

test('roles may stand in the scope', async () => {
  const token = await sign({ sub: 'alice', tenant: 'acme', scope: 'openid read' })

  expect((await get('/read', token)).statusCode).toBe(200)
  expect((await get('/write', token)).statusCode).toBe(403)
})

test.for<[string, () => Promise<string>]>([
  ['no token', async () => ''],
  ['no JWT', async () => 'abc'],
  ['an expired token', () => sign(claims, 1)],
  [
    'a token of another key',
    async () => sign(claims, '1m', (await generateKeyPair('ES256')).privateKey),
  ],
  ['a token of another issuer', () => signOther({ iss: 'https://other.example' })],
  ['a token for another audience', () => signOther({ aud: 'other' })],
  ['a token that never expires', () => signOther({}, false)],
  ['a token without a signature', async () => `${encode({ alg: 'none' })}.${encode(claims)}.`],
  ['a token signed with the public key as a secret', signWithSecret],
  ['no tenant', () => sign({ sub: 'alice', roles: ['read'] })],
  ['a tenant that no stream could be named after', () => sign({ ...claims, tenant: '$all x' })],
  ['no subject', () => sign({ tenant: 'acme', roles: ['read'] })],
  ['a subject in a list', () => signRaw({ sub: ['alice'] })],
  ['a subject that is a number', () => signRaw({ sub: 5 })],
  ['a subject that is null', () => signRaw({ sub: null })],
  ['a logout token', () => signRaw({}, 'logout+jwt')],
  ['a proof of possession', () => signRaw({}, 'dpop+jwt')],
  ['a security event', () => signRaw({}, 'application/secevent+jwt')],
  ['a token whose kind is no text', () => signRaw({}, 5)],
  ['an ID token with its nonce', () => signRaw({ nonce: 'n' }, 'JWT')],
  ['an ID token with a hash', () => signRaw({ at_hash: 'h' }, 'JWT')],
  ['a logout token by its events', () => signRaw({ events: {} }, 'JWT')],
  ['a refresh token by its claim', () => signRaw({ typ: 'Refresh' }, 'JWT')],
  ['an ID token by its use', () => signRaw({ token_use: 'id' }, 'JWT')],
  ['an expiry that is no time', () => signRaw({ exp: 1e300 })],
])('%s is refused', async ([, token]) => {
  const answer = await get('/read', await token())

  expect(answer.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
})

test.for(['JWT', 'jwt', 'at+jwt', 'application/at+jwt', undefined])(
  'an access token of type %s is taken',
  async (typ) => {
    expect((await get('/read', await signRaw({}, typ))).statusCode).toBe(200)
  },
)

test.for([
  ['at+jwt', 200],
  ['application/at+JWT', 200],
  ['JWT', 401],
  [undefined, 401],
] as const)(
  'where at+jwt is demanded, a token of type %s is answered %i',
  async ([typ, status]) => {
    const headers = { authorization: `Bearer ${await signRaw({}, typ)}` }
    expect((await strict.inject({ url: '/read', headers })).statusCode).toBe(status)
  },
)

test('a request without a token is asked for one', async () => {
  const { headers } = await app.inject('/read')

  expect(headers).toMatchObject({ 'www-authenticate': 'Bearer', vary: 'Authorization' })
})

test('keys that cannot be fetched are a 503, not a 401', async () => {
  const headers = { authorization: `Bearer ${await sign()}` }

  const answer = await lost.inject({ url: '/read', headers })

  expect(answer.json()).toMatchObject({ status: 503, code: 'ISSUER_UNAVAILABLE', retryable: true })
})

/** A ring of one key that can be checked as long as it is told so. */
function keyRing() {
  const { id, text, hash } = newKey()
  const now = { isThere: true }
  const requireLog = () => {
    if (!now.isThere) throw new AppError('KEYS_UNAVAILABLE', 'away')
  }
  const createdAt = '2026-01-01T00:00:00.000Z'
  const key = { id, hash, tenantId: 'acme', name: 'panel', roles: ['read'] as const, createdAt }
  const ring: KeyRing = {
    find: (given) => {
      requireLog()
      const found = { key: { ...key, roles: [...key.roles], createdBy: 'user:a' } }
      return given === text ? { ...found, ended: new AbortController().signal } : undefined
    },
    list: () => [],
    takeUses: () => new Map(),
    check: async () => requireLog(),
  }
  return { now, ring, text }
}

test.for<{ away: string[]; status: number; says: object }>([
  { away: [], status: 200, says: { status: 'ok', failing: [], degraded: [] } },
  { away: ['issuer'], status: 200, says: { status: 'degraded', degraded: ['issuer'] } },
  { away: ['keys'], status: 200, says: { status: 'degraded', degraded: ['keys'] } },
  { away: ['issuer', 'keys'], status: 503, says: { failing: ['issuer', 'keys'], degraded: [] } },
])(
  'a service whose $away cannot be checked is ready as long as a kind of credential can',
  async (given) => {
    const { now, ring, text } = keyRing()
    now.isThere = !given.away.includes('keys')
    const { port = 0 } = Object(jwks.address())
    const jwksUrl = `http://127.0.0.1:${given.away.includes('issuer') ? 1 : port}/jwks`
    const auth = { mode: 'bearer', issuers: [{ issuer, audience, jwksUrl }], keys: ring } as const
    const logger = createLogger({ service: 'test', level: 'silent' })
    const server = buildServer({ service: 'test', logger, auth })
    server.get('/read', { config: { policy: 'read' } }, async (request) => callerOf(request))
    const read = (token: string) =>
      server.inject({ url: '/read', headers: { authorization: `Bearer ${token}` } })

    const ready = await server.inject('/health/ready')
    const answers = { issuer: await read(await sign()), keys: await read(text) }

    expect([ready.statusCode, ready.json()]).toMatchObject([given.status, given.says])
    for (const [kind, answer] of Object.entries(answers)) {
      const { actor, detail = actor } = answer.json()
      const isAway = given.away.includes(kind)
      expect([kind, answer.statusCode]).toEqual([kind, isAway ? 503 : 200])
      expect(detail).toMatch(isAway ? /: try again/ : /^(user|key):/)
    }
    await server.close()
  },
)

test('of two issuers one that is away degrades the service, and the tokens of the other are taken', async () => {
  const { port = 0 } = Object(jwks.address())
  const away = { issuer: 'https://away.example', audience, jwksUrl: 'http://127.0.0.1:1/jwks' }
  const issuers = [away, { issuer, audience, jwksUrl: `http://127.0.0.1:${port}/jwks` }]
  const logger = createLogger({ service: 'test', level: 'silent' })
  const server = buildServer({ service: 'test', logger, auth: { mode: 'bearer', issuers } })
  server.get('/read', { config: { policy: 'read' } }, async (request) => callerOf(request))

  const ready = await server.inject('/health/ready')
  const headers = { authorization: `Bearer ${await sign()}` }
  const answer = await server.inject({ url: '/read', headers })

  const degraded = ['issuer https://away.example']
  expect([ready.statusCode, ready.json()]).toMatchObject([200, { degraded }])
  expect(answer.statusCode).toBe(200)
  await server.close()
})

test('health needs no token', async () => {
  expect((await app.inject('/health/ready')).statusCode).toBe(200)
})

async function signOther(change: { iss?: string; aud?: string }, expires = true) {
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' })
  token.setIssuer(change.iss ?? issuer).setAudience(change.aud ?? audience)
  return (expires ? token.setExpirationTime('1m') : token).sign(privateKey)
}

/** A token whose claims and type may be what no library signs. */
async function signRaw(change: Record<string, unknown>, typ?: unknown): Promise<string> {
  const times = { exp: Math.floor(Date.now() / 1_000) + 60 }
  const payload = { ...claims, ...times, iss: issuer, aud: audience, ...change }
  const header = { alg: 'ES256', kid: 'k1', ...(typ !== undefined && { typ }) }
  const signed = `${encode(header)}.${encode(payload)}`
  const hash = { name: 'ECDSA', hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(hash, privateKey, Buffer.from(signed))
  return `${signed}.${Buffer.from(signature).toString('base64url')}`
}

async function signWithSecret() {
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' })
  token.setIssuer(issuer).setAudience(audience).setExpirationTime('1m')
  return token.sign(new TextEncoder().encode('x'.repeat(32)))
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const shapes = {
  Keycloak: {
    options: {
      tenantClaims: ['organization_id'],
      roleClaims: ['realm_access.roles'],
      roleMap: { 'realm-admin': 'admin', viewer: 'read' },
    },
    claims: {
      sub: 'f:1:alice',
      typ: 'Bearer',
      azp: 'panel',
      preferred_username: 'alice',
      organization_id: 'acme',
      realm_access: { roles: ['offline_access', 'realm-admin'] },
      scope: 'openid email',
    },
    roles: ['read', 'write', 'admin'],
    actorName: 'alice',
  },
  Auth0: {
    options: {
      tenantClaims: ['https://panel.example/tenant'],
      roleClaims: ['https://panel.example/roles', 'scope'],
    },
    claims: {
      sub: 'auth0|5f7c',
      azp: 'client',
      gty: 'password',
      'https://panel.example/tenant': 'acme',
      'https://panel.example/roles': ['write'],
      scope: 'openid profile',
    },
    roles: ['read', 'write'],
    actorName: undefined,
  },
  Entra: {
    options: {
      tenantClaims: ['tid'],
      roleClaims: ['roles', 'scp'],
      roleMap: { 'Stores.Read': 'read', 'Stores.ReadWrite': 'write' },
    },
    claims: {
      sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      ver: '2.0',
      tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
      oid: '00000000-0000-0000-66f3-3332eca7ea81',
      name: 'Alice Example',
      scp: 'Stores.Read Stores.ReadWrite',
    },
    roles: ['read', 'write'],
    actorName: 'Alice Example',
  },
}

test.for(Object.entries(shapes))(
  'a token shaped as %s makes it is understood by its mapping',
  async ([name, { options, claims: brought, roles, actorName }]) => {
    const { port = 0 } = Object(jwks.address())
    const jwksUrl = `http://127.0.0.1:${port}/jwks`
    const other = { issuer: 'https://other.example', audience: 'other', jwksUrl }
    const issuers = [other, { issuer, audience, jwksUrl, ...options }]
    const logger = createLogger({ service: 'test', level: 'silent' })
    const server = buildServer({ service: 'test', logger, auth: { mode: 'bearer', issuers } })
    server.get('/read', { config: { policy: 'read' } }, async (request) => callerOf(request))

    const headers = { authorization: `Bearer ${await sign(brought)}` }
    const caller = (await server.inject({ url: '/read', headers })).json()

    const tenantId = name === 'Entra' ? '9188040d-6c67-4c5b-b112-36a304b66dad' : 'acme'
    expect(caller).toMatchObject({ tenantId, actor: `user:${brought.sub}`, roles })
    expect(caller.actorName).toBe(actorName)
    await server.close()
  },
)
