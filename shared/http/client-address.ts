import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { all, compile } from '@fastify/proxy-addr'

declare module 'fastify' {
  interface FastifyRequest {
    /** The network address of the client, also behind trusted proxies. */
    readonly clientAddress: string
  }
}

/**
 * What tells the address of a request's client. Only what a trusted proxy says of those before it is believed: of
 * `X-Forwarded-For`, read from its end, the first address that is not a trusted one. Takes addresses, networks such
 * as `10.0.0.0/8`, and `loopback`.
 */
export function clientAddresses(trusted: readonly string[]): (request: IncomingMessage) => string {
  const trusts = compile([...trusted])
  return (request) => {
    // From the peer back to the client; an entry that is no address was not written by a proxy.
    const address = all(request, trusts).findLast((one) => isIP(one) > 0)
    return (address ?? request.socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/i, '')
  }
}
