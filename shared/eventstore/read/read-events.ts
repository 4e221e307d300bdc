import { StreamNotFoundError, type ResolvedEvent, type StreamingRead } from '@eventstore/db-client'
import { hasCode } from '#domain'
import { appErrorOf } from '../calls/app-error-of.ts'
import type { RecordedEvent } from '../event-store.ts'
import { pause } from '../calls/pause.ts'
import { within } from '../calls/within.ts'
import { recordedEvent } from './recorded-event.ts'

const PAUSE_MS = 50

export interface ReadCall {
  open: () => StreamingRead<ResolvedEvent>
  stream?: string
  /** How long the event store may take for the next event; the reader may take longer. */
  timeoutMs: number
  signal?: AbortSignal | undefined
}

/** Yields what a read yields, nothing for a missing stream; starts again while nothing has come yet. */
export async function* readEvents(call: ReadCall): AsyncGenerator<RecordedEvent> {
  const giveUpAt = Date.now() + call.timeoutMs
  for (;;) {
    let started = false
    try {
      for await (const event of readOnce(call)) {
        started = true
        yield event
      }
      return
    } catch (error) {
      call.signal?.throwIfAborted()
      if (error instanceof StreamNotFoundError) return
      const translated = appErrorOf(error, call.stream)
      const again = hasCode(translated, 'EVENT_STORE_UNAVAILABLE') && !started
      if (!again || Date.now() + PAUSE_MS >= giveUpAt) throw translated
    }
    await pause(PAUSE_MS, call.signal)
  }
}

async function* readOnce(call: ReadCall): AsyncGenerator<RecordedEvent> {
  call.signal?.throwIfAborted()
  const read = call.open()
  const iterator = read.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      const next = await within(iterator.next(), call.timeoutMs, call.signal)
      if (next.done === true) return
      const event = recordedEvent(next.value)
      if (event) yield event
    }
  } finally {
    void letGo(read, iterator)
  }
}

/**
 * The client forgets a call only when it fails or its end is read. Cancelling fails a call still open; of one the
 * server has ended the rest is read, which a destroyed stream would not do.
 */
async function letGo(read: StreamingRead<ResolvedEvent>, iterator: AsyncIterator<ResolvedEvent>) {
  read.on('error', () => undefined)
  void read.cancel().catch(() => undefined)
  await iterator.return?.().catch(() => undefined)
  read.resume()
}
