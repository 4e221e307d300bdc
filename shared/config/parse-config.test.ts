import { expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, parseEnvironment } from './parse-config.ts'
import { authVariables, requireAuthentication, serviceVariables } from './variables.ts'

const schema = z
  .object({ ...serviceVariables, ...authVariables })
  .superRefine(requireAuthentication)
const complete = {
  AUTH: 'jwt',
  AUTH_ISSUER: 'https://login.example',
  AUTH_AUDIENCE: 'storewright',
  AUTH_JWKS_URL: 'https://login.example/keys',
}

test('all problems are reported at once', () => {
  const parse = () => parseEnvironment(schema, { ...complete, PORT: 'abc', LOG_LEVEL: 'loud' })
  expect(parse).toThrow(ConfigError)
  expect(parse).toThrow(/PORT[^]*LOG_LEVEL|LOG_LEVEL[^]*PORT/)
})

test('an empty variable counts as not given', () => {
  expect(parseEnvironment(schema, { ...complete, PORT: '' }).PORT).toBe(0)
})

test.for(['127.0.0.1', '::1', 'localhost'])('without authentication %s is served', (HOST) => {
  expect(parseEnvironment(schema, { AUTH: 'off', HOST }).HOST).toBe(HOST)
})

test.for(['0.0.0.0', '::', '10.0.0.1', 'example.com'])(
  'without authentication %s is refused',
  (HOST) => {
    expect(() => parseEnvironment(schema, { AUTH: 'off', HOST })).toThrow(/AUTH/)
  },
)

test('with authentication everything it needs must be given', () => {
  expect(() => parseEnvironment(schema, { AUTH: 'jwt' })).toThrow(
    /AUTH_ISSUER[^]*AUTH_AUDIENCE[^]*AUTH_JWKS_URL/,
  )
})

test.for([
  ['', []],
  ['https://a.example, http://localhost:5173', ['https://a.example', 'http://localhost:5173']],
] as const)('the origins %j are %j', ([CORS_ORIGINS, origins]) => {
  expect(parseEnvironment(schema, { ...complete, CORS_ORIGINS }).CORS_ORIGINS).toEqual(origins)
})

test.for(['*', 'https://a.example/', 'a.example', 'null', 'file://x', 'HTTPS://A.example'])(
  '%s is no origin to allow',
  (CORS_ORIGINS) => {
    expect(() => parseEnvironment(schema, { ...complete, CORS_ORIGINS })).toThrow(/CORS_ORIGINS/)
  },
)

test('with authentication any address is served', () => {
  expect(parseEnvironment(schema, { ...complete, HOST: '0.0.0.0' }).HOST).toBe('0.0.0.0')
})
