import { once } from 'node:events'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { freePort } from '../../../embedded/processes/free-port.ts'

/** A token issuer with its keys on a loopback address, as an identity provider publishes them. */
export async function testIssuer() {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${port}/`
  const audience = 'storewright'
  return {
    issuer,
    audience,
    jwksUrl: `${issuer}keys`,
    token: (tenant: string, roles: string[], expires: string | Date = '5m') =>
      new SignJWT({ tenant, roles })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setSubject('someone')
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(privateKey),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
