import { inTurn } from '#async'
import {
  type AggregateStream,
  type CommandRequest,
  decideAndAppend,
  type Folded,
  type HandledCommand,
  type StoredEvent,
} from './decide-and-append.ts'

interface HandleCommandArgs<S, C, E extends StoredEvent>
  extends AggregateStream<S, C, E>, CommandRequest<S, C> {
  /**
   * What the caller has folded of the stream before it sent this command for the first time. It spares the read: only
   * a refusal, an outcome without events and a conflict read the stream, from its beginning.
   */
  known?: Folded<S> | undefined
  signal?: AbortSignal | undefined
}

/**
 * Loads a stream, decides, appends; decides again when another writer was first. An append that landed without its
 * answer is found by its event ids before anything is decided, and is a success.
 */
export function handleCommand<S, C, E extends StoredEvent>(
  args: HandleCommandArgs<S, C, E>,
): Promise<HandledCommand<S, E>> {
  const { known, signal } = args
  return inTurn(args.store, args.stream, async () => {
    const { outcomes } = await decideAndAppend(args, [args], { known, readsTail: false, signal })
    const [outcome] = outcomes
    if (outcome === undefined) throw new Error('A command had no outcome')
    if ('error' in outcome) throw outcome.error
    return outcome
  })
}
