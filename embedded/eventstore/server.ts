import serverFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_grpc_pb.js'
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js'
import { FatalError } from './fatal-error.ts'
import type { EventLog } from './log/event-log.ts'
import { serveAppend } from './rpc/append.ts'
import { serveBatchAppend } from './rpc/batch-append.ts'
import { unreadService } from './rpc/call-handlers.ts'
import { openCalls, serveSupportedMethods } from './rpc/calls.ts'
import { serveDelete, serveTombstone } from './rpc/delete.ts'
import { serveRead } from './rpc/read.ts'

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
  const server = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX })
  const calls = openCalls()
  server.addService(unreadService(streams.StreamsService), {
    read: serveRead(log, calls),
    append: serveAppend(log),
    batchAppend: serveBatchAppend(log, calls),
    delete: serveDelete(log),
    tombstone: serveTombstone(log),
  })
  server.addService(unreadService(serverFeatures.ServerFeaturesService), {
    getSupportedMethods: serveSupportedMethods(),
  })
  return {
    port: await bind(server, host, port),
    /** Answers what was accepted, tells subscribers and writers to come back later, and stops. */
    close: async () => {
      const stopped = stop(server)
      await log.commit([])
      calls.endAll()
      await stopped
    },
  }
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound)
      const sentence = `Cannot listen on ${host}:${port}: the address is taken or not allowed.`
      reject(new FatalError(sentence, { cause: error }))
    })
  })
}

/** Waits for open calls, but not for a client that does not let go. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), CLOSE_TIMEOUT_MS)
    server.tryShutdown(() => {
      clearTimeout(force)
      resolve()
    })
  })
}
