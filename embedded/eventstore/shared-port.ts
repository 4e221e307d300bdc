import type { Server as HttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { type Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'

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
