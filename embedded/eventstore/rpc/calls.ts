import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import { unaryCall } from './call-handlers.ts'
import { shuttingDown } from './errors.ts'

interface OpenCall {
  emit: (event: 'error', error: Error) => unknown
  on: (event: 'cancelled' | 'close' | 'finish', listener: () => void) => unknown
}

/** Calls that last as long as the client likes, so that a stop can end them. */
export interface OpenCalls {
  /** Returns how to withdraw a call that ends by itself from now on. */
  add: (call: OpenCall) => () => void
  /** Ends each with UNAVAILABLE: `destroy` would leave the clients waiting. */
  endAll: () => void
}

/** Makes an empty set. */
export function openCalls(): OpenCalls {
  const calls = new Set<OpenCall>()
  return {
    add: (call) => {
      calls.add(call)
      for (const event of ['cancelled', 'close', 'finish'] as const)
        call.on(event, () => calls.delete(call))
      return () => calls.delete(call)
    },
    endAll: () => {
      for (const call of calls) call.emit('error', shuttingDown())
    },
  }
}

const STREAMS = 'event_store.client.streams.streams'
const METHODS = ['read', 'append', 'batchappend', 'delete', 'tombstone']

/** The EventStoreDB version whose behaviour this server follows. */
export const COMPATIBLE_VERSION = '23.10.8'

/** GetSupportedMethods: exactly what is implemented here. */
export function serveSupportedMethods() {
  const response = new features.SupportedMethods()
    .setEventStoreServerVersion(COMPATIBLE_VERSION)
    .setMethodsList(
      METHODS.map((name) =>
        new features.SupportedMethod().setServiceName(STREAMS).setMethodName(name),
      ),
    )
  return unaryCall(() => Promise.resolve(response))
}
