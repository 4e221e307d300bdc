import { createHash } from 'node:crypto'
import { decodeReferenceEvent, decodeStoreEvent } from '#contracts'
import {
  type EndedHold,
  hasCode,
  type Hold,
  isAbandoned,
  reference as decider,
  type ReferenceState,
  referenceStream,
  referenceTaken,
  store as storeDecider,
  type StoreState,
  storeStream,
} from '#domain'
import {
  type EventStore,
  type ExpectedRevision,
  type Folded,
  foldStream,
  handleCommand,
} from '#eventstore'
import type { RequestContext } from './routes/request.ts'

/** A reference that a store is to carry, asked for by one request. */
export interface AskedReference {
  reference: string
  storeId: string
  /** The revision of the store's stream that the append which carries it will expect. */
  revision: ExpectedRevision
  requestId: string
}

export type References = ReturnType<typeof references>

/** Keeps each reference of a tenant at one store: reserved before a store carries it, free when none does. */
export function references({ store, now }: { store: EventStore; now: () => Date }) {
  const streamOf = (tenantId: string, reference: string) => ({
    store,
    decider,
    decode: decodeReferenceEvent,
    stream: referenceStream(tenantId, digestOf(reference)),
  })
  const reserve = async (asked: AskedReference, context: RequestContext, ended?: EndedHold) => {
    const { reference, storeId, requestId } = asked
    const revision = asked.revision === 'no_stream' ? -1 : Number(asked.revision)
    const at = now().toISOString()
    const { state } = await handleCommand({
      ...streamOf(context.tenantId, reference),
      command: {
        type: 'ReserveReference',
        reference,
        storeId,
        revision,
        requestId,
        ended,
        now: at,
      },
      context: { ...context, commandId: `reserve:${requestId}:${revision}` },
      known: ended === undefined ? unused : undefined,
    })
    if (state.status === 'free' || state.storeId !== storeId)
      throw referenceTaken(state.status === 'free' ? storeId : state.storeId, true)
  }
  /** The hold in the way, where it has ended; undefined where none is. Throws REFERENCE_TAKEN. */
  const endedHold = async ({ reference, storeId }: AskedReference, tenantId: string) => {
    const { state: held } = await foldStream(streamOf(tenantId, reference))
    if (held.status === 'free' || held.storeId === storeId) return undefined
    const stream = storeStream(held.storeId)
    const storeOf = { store, decider: storeDecider, decode: decodeStoreEvent, stream }
    const end = endOf(held, await foldStream(storeOf), { reference, now: now().toISOString() })
    if (end === 'taken' || end === 'pending') throw referenceTaken(held.storeId, end === 'pending')
    const { revision, reservedAt } = held
    return { storeId: held.storeId, revision, reservedAt, reason: end }
  }
  return {
    /**
     * Reserves it, also in the place of a store that carries it no more or never came to be. Throws REFERENCE_TAKEN
     * with the id of the store that has it.
     */
    reserve: async (asked: AskedReference, context: RequestContext): Promise<void> => {
      let ended: EndedHold | undefined
      for (let tries = 1; ; tries++)
        try {
          return await reserve(asked, context, ended)
        } catch (error) {
          if (!hasCode(error, 'REFERENCE_TAKEN') || tries === RESERVE_TRIES) throw error
          ended = await endedHold(asked, context.tenantId)
        }
    },
    /** Gives back what this request has reserved and will not use. Never throws: a hold that is left ends by itself. */
    release: async (asked: AskedReference, context: RequestContext): Promise<void> => {
      const { reference, storeId, requestId } = asked
      const at = now().toISOString()
      await handleCommand({
        ...streamOf(context.tenantId, reference),
        command: { type: 'ReleaseReference', storeId, requestId, now: at },
        context: { ...context, commandId: `release:${requestId}` },
      }).catch(() => {})
    },
  }
}

const RESERVE_TRIES = 5
const unused: Folded<ReferenceState> = { state: decider.initialState(), revision: 'no_stream' }

const digestOf = (reference: string): string =>
  createHash('sha256').update(reference).digest('hex').slice(0, 32)

/**
 * How another store's hold has ended, if it has. Its append expects one revision exactly: a store that has gone on
 * without the reference can no longer take it. One that is still there may, until the hold is ten minutes old.
 */
function endOf(
  hold: Hold,
  { state, revision }: Folded<StoreState>,
  { reference, now }: { reference: string; now: string },
): EndedHold['reason'] | 'taken' | 'pending' {
  if (state.status === 'deleted') return 'deleted'
  if (state.status !== 'absent' && state.request.reference === reference) return 'taken'
  if (revision !== 'no_stream' && Number(revision) > hold.revision) return 'unused'
  return isAbandoned(hold.reservedAt, now) ? 'abandoned' : 'pending'
}
