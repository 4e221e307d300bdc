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
