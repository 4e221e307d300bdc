import { createServer, type Server } from 'node:http'
import { COMPATIBLE_VERSION } from './rpc/server-info.ts'

interface Address {
  host: string
  port: number
}

/** What health checks, probes and proxies ask EventStoreDB for over HTTP/1.1, on the port of its gRPC calls. */
export function httpEndpoints(address: () => Address): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const body = bodyOf(pathname, address())
    if (body === undefined) {
      response.writeHead(pathname === '/health/live' ? 204 : 404).end()
      return
    }
    const text = JSON.stringify(body, undefined, 2)
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(text)
  })
}

function bodyOf(path: string, { host, port }: Address): object | undefined {
  switch (path) {
    case '/ping':
      return { text: 'Ping request successfully handled', msgTypeId: 123, label: 'Http' }
    case '/info':
      return {
        esVersion: COMPATIBLE_VERSION,
        state: 'leader',
        features: { projections: false, userManagement: false, atomPub: false },
        authentication: { type: 'insecure', properties: {} },
      }
    case '/gossip':
      return { members: [memberOf(host, port)], serverIp: host, serverPort: port }
    default:
      return undefined
  }
}

function memberOf(host: string, port: number): object {
  const timeStamp = new Date().toISOString()
  return { timeStamp, state: 'Leader', isAlive: true, httpEndPointIp: host, httpEndPointPort: port }
}
