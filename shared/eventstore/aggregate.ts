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

/** A stream whose state is kept in memory, for many commands to one stream. */
export interface Aggregate<S, C, E> {
  /** As handleCommand; commands that wait at the same time are one append, and their results have one state. */
  handle: (
    command: C,
    context: CommandContext,
    precondition?: CommandRequest<S, C>['precondition'],
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
  const queue = inBatches<Waiting<S, C, E>>(async (waiting) => {
    try {
      const options = { known, readsTail: true }
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
    handle: (command, context, precondition) =>
      new Promise((resolve, reject) => {
        queue.add({ command, context, precondition, resolve, reject })
      }),
    load,
    isIdle: queue.isIdle,
  }
}
