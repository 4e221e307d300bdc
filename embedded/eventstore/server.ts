import type { Server } from 'node:net'
import gossip from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import serverFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_grpc_pb.js'
import { logVerbosity, Server as GrpcServer, setLogVerbosity } from '@grpc/grpc-js'
import type { EventLog } from './log/event-log.ts'
import { FatalError } from './log/record.ts'
import { serializeAppendResponse, serveAppend, serveDelete, serveTombstone } from './rpc/append.ts'
import { serveBatchAppend } from './rpc/batch-append.ts'
import { readBatchRequest } from './rpc/batch-request.ts'
import { openCalls, sendAhead, unreadService } from './rpc/call-handlers.ts'
import { serializeReadResponse } from './rpc/event-message.ts'
import { serveGossip, serveSupportedMethods } from './rpc/server-info.ts'
import { serveRead } from './rpc/read.ts'
import { httpEndpoints, sharedPort } from './shared-port.ts'

const streamsService = {
  ...streams.StreamsService,
  read: { ...streams.StreamsService.read, responseSerialize: serializeReadResponse },
  append: { ...streams.StreamsService.append, responseSerialize: serializeAppendResponse },
  batchAppend: { ...streams.StreamsService.batchAppend, requestDeserialize: readBatchRequest },
}
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
const CLOSE_TIMEOUT_MS = 2_000

interface ServeOptions {
  log: EventLog
  host: string
  /** 0 takes a free one. */
  port: number
}

/** Serves the log over EventStoreDB's protocol, without TLS. Throws FatalError where the address is taken. */
export async function serveEventLog({ log, host, port }: ServeOptions) {
  // What goes wrong is said in our own words; the library would write to standard error as well.
  setLogVerbosity(logVerbosity.NONE)
  const server = new GrpcServer({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    interceptors: [sendAhead],
  })
  const calls = openCalls()
  server.addService(unreadService(streamsService), {
    read: serveRead(log, calls),
    append: serveAppend(log, calls),
    batchAppend: serveBatchAppend(log, calls),
    delete: serveDelete(log),
    tombstone: serveTombstone(log),
  })
  server.addService(unreadService(serverFeatures.ServerFeaturesService), {
    getSupportedMethods: serveSupportedMethods(),
  })
  const address = { host, port }
  server.addService(unreadService(gossip.GossipService), { read: serveGossip(() => address) })
  const http = httpEndpoints(() => address)
  const listener = sharedPort(server, http)
  address.port = await listen(listener, host, port)
  return {
    port: address.port,
    /** Answers what was accepted, tells subscribers and writers to come back later, and stops. */
    close: async () => {
      listener.close()
      http.closeAllConnections()
      await log.commit([])
      // First: a session that is closing drops the status of a call that ends just then.
      await calls.endAll()
      const stopped = stop(server)
      await calls.endAll()
      await stopped
    },
  }
}

function listen(listener: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', (error) => {
      const sentence = `Cannot listen on ${host}:${port}: the address is taken or not allowed.`
      reject(new FatalError(sentence, { cause: error }))
    })
    listener.listen(port, host, () => {
      const bound = listener.address()
      resolve(typeof bound === 'object' && bound ? bound.port : port)
    })
  })
}

/** Waits for open calls, but not for a client that does not let go. */
function stop(server: GrpcServer): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), CLOSE_TIMEOUT_MS)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}
