import { inBatches } from '#async'
import {
  type AggregateStream,
  type CommandContext,
  type CommandRequest,
  decideAndAppend,
  type Folded,
  type HandledCommand,
  type StoredEvent,
} from './handle-command.ts'

const BATCH_MAX = 500

interface Waiting<S, C, E> extends CommandRequest<S, C> {
  resolve: (handled: HandledCommand<S, E>) => void
  reject: (error: unknown) => void
}

interface HandleOptions<S, C> {
  precondition?: CommandRequest<S, C>['precondition']
  signal?: AbortSignal | undefined
}

/** A stream whose state is kept in memory, for many commands to one stream. */
export interface Aggregate<S, C, E> {
  /**
   * As handleCommand; commands that wait at the same time are one append, and their results have one state. One whose
   * signal aborts while it waits is not decided any more, and not again behind another writer; an append that nobody
   * waits for is not sent again.
   */
  handle: (
    command: C,
    context: CommandContext,
    options?: HandleOptions<S, C>,
  ) => Promise<HandledCommand<S, E>>
  /** As the last command left it, also when other writers have appended since; read when it is not in memory yet. */
  load: () => Promise<S>
  isIdle: () => boolean
}

/** Reads the stream once; from then on only what other writers have appended, when they have. */
export function openAggregate<S, C, E extends StoredEvent>(
  stream: AggregateStream<S, C, E>,
): Aggregate<S, C, E> {
  let known: Folded<S> | undefined
  let loading: Promise<Folded<S>> | undefined
  const load = async () => {
    if (known !== undefined) return known.state
    loading ??= decideAndAppend(stream, [], { known, readsTail: true }).then(({ folded }) => folded)
    try {
      const loaded = await loading
      known ??= loaded
      return known.state
    } finally {
      loading = undefined
    }
  }
  const queue = inBatches<Waiting<S, C, E>>(async (all) => {
    for (const { signal, reject } of all) if (signal?.aborted) reject(signal.reason)
    const waiting = all.filter(({ signal }) => !signal?.aborted)
    if (waiting.length === 0) return
    try {
      const signal = whenAllAbort(waiting.map((one) => one.signal))
      const options = { known, readsTail: true, signal }
      const { folded, outcomes } = await decideAndAppend(stream, waiting, options)
      known = folded
      for (const [index, outcome] of outcomes.entries())
        if ('error' in outcome) waiting[index]?.reject(outcome.error)
        else waiting[index]?.resolve(outcome)
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }, BATCH_MAX)
  return {
    handle: (command, context, { precondition, signal } = {}) =>
      new Promise((resolve, reject) => {
        queue.add({ command, context, precondition, signal, resolve, reject })
      }),
    load,
    isIdle: queue.isIdle,
  }
}

/** Aborts with the last of them; never where one cannot abort. */
function whenAllAbort(signals: (AbortSignal | undefined)[]): AbortSignal | undefined {
  const known = signals.filter((signal) => signal !== undefined)
  if (known.length < signals.length) return undefined
  const all = new AbortController()
  let left = known.length
  for (const signal of known) {
    const onAbort = () => {
      left--
      if (left === 0) all.abort(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  }
  return all.signal
}
