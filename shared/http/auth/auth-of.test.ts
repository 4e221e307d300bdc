import { expect, test } from 'vitest'
import { authOf } from './authenticate.ts'

const token = { AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a', AUTH_JWKS_URL: 'http://j' }

test('the variables say how callers are told', () => {
  expect(authOf({ AUTH: 'off' })).toEqual({ mode: 'off' })
  expect(authOf({ AUTH: 'jwt', ...token })).toEqual({
    mode: 'bearer',
    issuers: [{ issuer: 'i', audience: 'a', jwksUrl: 'http://j' }],
  })
  expect(authOf({ AUTH: 'jwt', ...token, AUTH_TOKEN_TYPE: 'at+jwt' })).toMatchObject({
    issuers: [{ tokenType: 'at+jwt' }],
  })
})

test('tokens that could be checked against nothing are refused', () => {
  expect(() => authOf({ AUTH: 'jwt' })).toThrow('AUTH_ISSUER')
})
