import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { type Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'
import { COMPATIBLE_VERSION } from './rpc/server-info.ts'

/** How every HTTP/2 connection without TLS begins. */
const PREFACE = Buffer.from('PRI * HTTP/2.0')

/** A listener whose connections go to the gRPC server where they begin as HTTP/2 does, else to the HTTP server. */
export function sharedPort(grpc: GrpcServer, http: HttpServer): Server {
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
  return createServer({ noDelay: true }, (socket) => {
    // A client that goes before it has said anything leaves nothing to do.
    socket.on('error', () => socket.destroy())
    readPreface(socket, (isGrpc) => {
      if (isGrpc) injector.injectConnection(socket)
      else http.emit('connection', socket)
    })
  })
}

function readPreface(socket: Socket, decide: (isGrpc: boolean) => void): void {
  let read = Buffer.alloc(0)
  const onReadable = () => {
    const chunk: unknown = socket.read()
    if (!Buffer.isBuffer(chunk)) return
    read = Buffer.concat([read, chunk])
    const begins = PREFACE.subarray(0, read.length).equals(read.subarray(0, PREFACE.length))
    if (begins && read.length < PREFACE.length) return
    socket.off('readable', onReadable)
    socket.unshift(read)
    decide(begins)
  }
  socket.on('readable', onReadable)
}

interface Address {
  host: string
  port: number
}

/** What health checks, probes and proxies ask EventStoreDB for over HTTP/1.1, on the port of its gRPC calls. */
export function httpEndpoints(address: () => Address): HttpServer {
  return createHttpServer((request, response) => {
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
    case '/subscriptions':
      return []
    default:
      return undefined
  }
}

function memberOf(host: string, port: number): object {
  const timeStamp = new Date().toISOString()
  return { timeStamp, state: 'Leader', isAlive: true, httpEndPointIp: host, httpEndPointPort: port }
}
