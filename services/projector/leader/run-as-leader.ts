import { type EventStore, type RecordedEvent, verifyLog } from '#eventstore'
import type { Logger } from '#observability'
import { electLeader, type Leadership, migrate, readCheckpoint } from '#postgres'
import type { ProjectorMetrics } from '../metrics.ts'
import { fillAudit, isFilled, markFilled } from '../projection/audit.ts'
import { flush, projection } from '../projection/write-batch.ts'
import { followLog } from './follow-log.ts'
import { watchLog } from './watch-log.ts'

export interface LeaderOptions {
  databaseUrl: string
  store: EventStore
  logger: Logger
  metrics: ProjectorMetrics
  batchMax: number
  /** A leader that PostgreSQL has not heard from for this time loses the lock. */
  silenceMs: number
  /** How often the log is checked to be the one the read models were made from. */
  verifyEveryMs?: number
  signal: AbortSignal
  onPhase: (phase: 'standby' | 'following') => void
}

/**
 * Becomes the one projector that writes, migrates, then follows the log from the checkpoint. Ends when the signal is
 * aborted; throws when anything fails. It writes on the connection that holds the lock, so a projector that
 * has lost the lock and does not know it yet cannot write either.
 */
export async function runAsLeader(options: LeaderOptions): Promise<void> {
  const { databaseUrl: url, store, logger, silenceMs, batchMax, onPhase } = options
  const onStandby = () => onPhase('standby')
  const election = { url, of: 'projector', silenceMs, signal: options.signal, onStandby } as const
  await using leader = await electLeader(election)
  const diverged = new AbortController()
  const signal = AbortSignal.any([options.signal, leader.lost, diverged.signal])

  // An empty database may have taken the place of the one that was migrated before.
  const names = await migrate(url)
  if (names.length > 0) logger.warn({ names }, 'migrated the database again')
  const checkpoint = await leader.use((client) => readCheckpoint(client, projection))
  if (checkpoint !== undefined) await verifyLog(store, checkpoint, 'read models')
  let last: { position: bigint; eventId: string } | undefined = checkpoint
  onPhase('following')
  const use = inTurn(leader)

  const watch = watchLog({ ...options, signal, checkpoint: () => last })
  watch.catch((error) => diverged.abort(error))
  const write = async (events: RecordedEvent[]) => {
    const from = last?.position
    await use((client) => writeMeasured(options, { client, events, from }))
    const { position, id: eventId } = events.at(-1) ?? { position: 0n, id: '' }
    last = { position, eventId }
  }
  const filling = fillWhereOlder({ store, logger, signal, use, upTo: last?.position })
  filling.catch((error) => diverged.abort(error))
  await followLog({ store, after: last?.position, write, batchMax, signal })
  leader.lost.throwIfAborted()
  diverged.signal.throwIfAborted()
}

type Use = Leadership['use']

/** The leader's connection, for one piece of work after the other: each is a transaction of its own. */
function inTurn(leader: Leadership): Use {
  let turn: Promise<unknown> = Promise.resolve()
  return async (work) => {
    const mine = turn.then(() => leader.use(work))
    turn = mine.catch(() => {})
    return mine
  }
}

/** A database that is older than its table `audit` gets the rows of what was projected before, while the log is followed. */
async function fillWhereOlder(options: {
  store: EventStore
  logger: Logger
  signal: AbortSignal
  use: Use
  upTo: bigint | undefined
}): Promise<void> {
  const { logger, use, upTo } = options
  if (await use(isFilled)) return
  if (upTo === undefined) return use(markFilled)
  logger.info('writing the audit rows of earlier events')
  await fillAudit({ ...options, upTo })
  logger.info('the audit rows of earlier events are there')
}

async function writeMeasured(
  { metrics, logger }: LeaderOptions,
  batch: Parameters<typeof flush>[1] & { client: Parameters<typeof flush>[0] },
): Promise<void> {
  const { client, events, from } = batch
  const done = metrics.writes.startTimer()
  const { parked } = await flush(client, { events, from })
  done()
  metrics.events.inc(events.length)
  metrics.parked.inc(parked.length)
  metrics.position.set(Number(events.at(-1)?.position ?? 0n))
  for (const { event, reason } of parked)
    logger.error(
      { stream: event.stream, revision: String(event.revision), eventId: event.id, reason },
      'event parked',
    )
}
