import { setTimeout as wait } from 'node:timers/promises'
import { hasCode } from '#domain'
import type { Logger } from '#observability'
import {
  type EventStoreDBClient,
  eventTypeFilter,
  excludeSystemEvents,
  type ReadConnections,
  START,
  streamNameFilter,
  TimeoutError,
} from './client.ts'
import { appErrorOf } from './errors.ts'
import type { SubscribeToAllOptions, SubscriptionItem } from './event-store.ts'
import { ping, recordedEvent } from './read.ts'
import { divergedAt } from './same-log.ts'

const PAUSE_FIRST_MS = 50
const PAUSE_MAX_MS = 5_000
const DENIED_EVERY_MS = 60_000
const READ_DENIED =
  'access denied: the user of EVENTSTORE_URL may not read $all. An administrator allows it in the metadata of $all: ' +
  '{"$acl":{"$r":["<user>","$admins"]}}'

interface SubscribeOptions extends SubscribeToAllOptions {
  connections: ReadConnections
  logger?: Logger | undefined
}

/**
 * Follows the log behind `after`; reopens behind what was seen last, whatever ended it, and ends only on abort. Throws
 * EVENT_LOG_DIVERGED when the log proves to be another one.
 */
export async function* subscribeToAll(options: SubscribeOptions): AsyncGenerator<SubscriptionItem> {
  const { signal, logger, onLost } = options
  const report = reporter(logger)
  let { after } = options
  let pauseMs = PAUSE_FIRST_MS
  while (!signal.aborted) {
    const from = after
    let last = from
    try {
      for await (const item of subscribeOnce(options, after)) {
        pauseMs = PAUSE_FIRST_MS
        if ('id' in item) last = assertBehind(last, item.position)
        after = positionOf(item) ?? after
        yield item
      }
    } catch (error) {
      onLost?.()
      if (signal.aborted) return
      if (hasCode(error, 'EVENT_LOG_DIVERGED')) throw error
      report(error, { after: after?.toString(), pauseMs })
      // What the event store drops for being slow has a lot to catch up with, and has lost nothing.
      if (isDropped(error) && last !== from) continue
    }
    const jitterMs = Math.random() * pauseMs
    await wait(pauseMs + jitterMs, undefined, { signal }).catch(() => undefined)
    pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)
  }
}

/** EventStoreDB ends the subscription of a live follower that is slow. */
function isDropped(error: unknown): boolean {
  return error instanceof TimeoutError
}

/** One line a minute where access is denied; one a loss otherwise. */
function reporter(logger: Logger | undefined) {
  let deniedAt: number | undefined
  let drops = 0
  return (error: unknown, fields: object): void => {
    if (isDropped(error))
      return logger?.info(
        { ...fields, drops: ++drops },
        'dropped as a slow subscriber; catching up',
      )
    const err = appErrorOf(error, '$all')
    if (err.code !== 'EVENT_STORE_ACCESS_DENIED')
      return logger?.warn({ err: error, ...fields }, 'subscription lost')
    if (deniedAt !== undefined && performance.now() - deniedAt < DENIED_EVERY_MS) return
    deniedAt = performance.now()
    logger?.error({ err, ...fields }, READ_DENIED)
  }
}

/** Throws EVENT_LOG_DIVERGED for an event that is not behind the last one, or the position asked for. */
function assertBehind(last: bigint | undefined, position: bigint): bigint {
  if (last !== undefined && position <= last) throw divergedAt(position, last)
  return position
}

function positionOf(item: SubscriptionItem): bigint | undefined {
  if ('checkpoint' in item) return item.checkpoint
  return 'position' in item ? item.position : undefined
}

const CHECKPOINT_INTERVAL = 32
/** A follower that was sent nothing for this long asks whether its node still answers. */
const SILENT_MS = 1_500
const ANSWER_MS = 2_000

/** One subscription, until it fails, ends or is aborted; then it throws. Items come in the order the server sent them. */
async function* subscribeOnce(
  { connections, streamPrefix, typePrefix, signal }: SubscribeOptions,
  after: bigint | undefined,
): AsyncGenerator<SubscriptionItem> {
  const connection = connections.take()
  const subscription = openSubscription(connection.client, { streamPrefix, typePrefix, after })
  const over = AbortSignal.any([signal, connection.replaced])
  const onOver = () => subscription.fail(over.reason)
  over.addEventListener('abort', onOver, { once: true })
  if (over.aborted) onOver()
  let isWaiting = false
  let isSilent = false
  const asking = setInterval(() => {
    // An answer that takes too long has the connection replaced.
    if (isWaiting && isSilent) void ping({ connections }, ANSWER_MS).catch(() => undefined)
    isSilent = true
  }, SILENT_MS)
  try {
    for (;;) {
      const changed = subscription.changed()
      for (let item = subscription.take(); item; item = subscription.take()) yield item
      isWaiting = true
      await changed
      isWaiting = false
      isSilent = false
    }
  } finally {
    clearInterval(asking)
    over.removeEventListener('abort', onOver)
    subscription.close()
    connections.giveBack(connection)
  }
}

interface Searched {
  streamPrefix: string | undefined
  typePrefix: string | undefined
}

interface Marker {
  /** How many events come before it. */
  behind: number
  item: SubscriptionItem
}

function filterOf(
  { streamPrefix, typePrefix }: Searched,
  onCheckpoint: (position: bigint) => void,
) {
  const marks = {
    checkpointInterval: CHECKPOINT_INTERVAL,
    checkpointReached: async (_subscription: unknown, { commit }: { commit: bigint }) =>
      onCheckpoint(commit),
  }
  if (typePrefix !== undefined) return eventTypeFilter({ ...marks, prefixes: [typePrefix] })
  if (streamPrefix !== undefined) return streamNameFilter({ ...marks, prefixes: [streamPrefix] })
  return excludeSystemEvents(marks)
}

/** The client reports marks aside from the events; counting puts them back in their place. */
function openSubscription(
  client: EventStoreDBClient,
  { after, ...searched }: Searched & { after: bigint | undefined },
) {
  const markers: Marker[] = []
  let taken = 0
  let failure: unknown
  let wake: () => void = () => undefined
  const mark = (item: SubscriptionItem) => {
    markers.push({ behind: taken + source.readableLength, item })
    wake()
  }
  const fail = (error: unknown) => {
    failure ??= error
    wake()
  }
  const source = client.subscribeToAll({
    fromPosition: after === undefined ? START : { commit: after, prepare: after },
    filter: filterOf(searched, (checkpoint) => mark({ checkpoint })),
  })
  source
    .on('readable', () => wake())
    .on('caughtUp', () => mark({ caughtUp: true }))
    .on('error', fail)
    .on('end', () => fail(new Error('The subscription ended')))
    .on('close', () => fail(new Error('The subscription was closed')))
  const takeEvent = () => {
    for (let resolved = source.read(); resolved !== null; resolved = source.read()) {
      taken++
      const event = recordedEvent(resolved)
      if (event) return event
      if (markers[0] && markers[0].behind <= taken) return markers.shift()?.item
    }
    return undefined
  }
  return {
    fail,
    /** Resolves when there is more to take, or a failure to learn of. To be asked for before taking. */
    changed: () => new Promise<void>((resolve) => (wake = resolve)),
    /** The next item, if it is there already; throws what ended the subscription. */
    take: (): SubscriptionItem | undefined => {
      if (markers[0] && markers[0].behind <= taken) return markers.shift()?.item
      if (failure !== undefined) throw failure
      return takeEvent()
    },
    close: () => {
      void source.unsubscribe().catch(() => undefined)
      source.destroy()
    },
  }
}
