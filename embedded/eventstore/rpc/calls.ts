import { setTimeout as wait } from 'node:timers/promises'
import { shuttingDown } from './errors.ts'

// A client that does not read gets no status.
const STATUS_TIMEOUT_MS = 500

interface OpenCall {
  emit: (event: 'error', error: Error) => unknown
  on: (event: 'cancelled' | 'close' | 'finish', listener: () => void) => unknown
}

/** Calls that last as long as the client likes, so that a stop can end them. */
export interface OpenCalls {
  /** Returns how to withdraw a call that ends by itself from now on. */
  add: (call: OpenCall) => () => void
  /** Ends each with UNAVAILABLE (`destroy` would leave the clients waiting), and waits until that is on its way. */
  endAll: () => Promise<void>
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
    endAll: async () => {
      const ending = [...calls]
      // The library emits it behind the status of every call.
      const sent = ending.map(
        (call) => new Promise<void>((resolve) => call.on('cancelled', resolve)),
      )
      for (const call of ending) call.emit('error', shuttingDown())
      await Promise.race([Promise.all(sent), wait(STATUS_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}
