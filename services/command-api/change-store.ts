import { randomUUID } from 'node:crypto'
import { decodeStoreEvent, type StoreView, storeViewOf } from '#contracts'
import {
  AppError,
  type RequestUpgrade,
  store as storeDecider,
  type StoreCommand,
  type StoreEvent,
  storeStream,
} from '#domain'
import { eventId, type EventStore, handleCommand, type RecordedEvent } from '#eventstore'
import type { Asking } from './quota/tenant-quota.ts'

export interface CommandRequest extends Asking {
  storeId: string
  command: OwnersCommand
  /** With a key the command happens once, however often it is sent; without one the store's state decides. */
  key: string | undefined
  /** The revision the caller has seen; any other is PRECONDITION_FAILED. */
  ifMatch: bigint | undefined
}

/** What the owner of a store can ask for, but for the time. */
type OwnersCommand =
  { type: 'RequestDeletion' | 'RequestRetry' | 'RequestCancel' } | Omit<RequestUpgrade, 'now'>

export interface Commanded {
  view: StoreView
  position: bigint | undefined
}

/** Gives a command to an existing store of the tenant. */
export function commandStore({ store, now }: { store: EventStore; now: () => Date }) {
  return async (request: CommandRequest): Promise<Commanded> => {
    const { storeId, tenantId, command, key, context } = request
    const commandId =
      key === undefined
        ? randomUUID()
        : eventId(`${tenantId}\0${storeId}\0${command.type}\0${key}`, 0)
    const seen = observeStream(commandId)
    const decider = { ...storeDecider, decide: decideFor(request, seen) }
    const at = now().toISOString()
    const result = await handleCommand({
      store,
      decider,
      decode: (recorded) => {
        const event = decodeStoreEvent(recorded)
        seen.observe(recorded, event)
        return event
      },
      stream: storeStream(storeId),
      command: { ...command, now: at },
      context: { ...context, tenantId, commandId },
    })
    if (result.state.status === 'absent') throw notFound()
    const updatedAt = result.events.length > 0 ? at : (seen.newest()?.recordedAt ?? at)
    const revision = result.revision === 'no_stream' ? 0n : result.revision
    const view = storeViewOf(result.state, { updatedAt, revision })
    return { view, position: result.position ?? seen.newest()?.position }
  }
}

type Observation = ReturnType<typeof observeStream>

/** Watches what a fold reads: how far the stream goes, and whether the command has been there before. */
function observeStream(commandId: string) {
  let newest: RecordedEvent | undefined
  let wasHandled = false
  let fingerprint: string | undefined
  return {
    observe: (recorded: RecordedEvent, event: StoreEvent | undefined) => {
      newest = recorded
      const { metadata } = recorded
      if (typeof metadata !== 'object' || metadata === null || !('commandId' in metadata)) return
      if (metadata.commandId !== commandId) return
      wasHandled = true
      if (event?.type === 'UpgradeRequested') fingerprint = event.data.fingerprint
    },
    newest: () => newest,
    /** Throws IDEMPOTENCY_KEY_REUSED when another request had its key. */
    wasHandled: (command: StoreCommand) => {
      if (wasHandled && command.type === 'RequestUpgrade' && command.fingerprint !== fingerprint)
        throw new AppError(
          'IDEMPOTENCY_KEY_REUSED',
          'This Idempotency-Key was used for another upgrade of the store; use a new key',
        )
      return wasHandled
    },
  }
}

function decideFor({ tenantId, ifMatch }: CommandRequest, seen: Observation) {
  return (state: Parameters<typeof storeDecider.decide>[0], command: StoreCommand) => {
    // Another tenant's store is not there at all.
    if (state.status === 'absent' || state.request.tenantId !== tenantId) throw notFound()
    if (seen.wasHandled(command)) return []
    if (ifMatch !== undefined && seen.newest()?.revision !== ifMatch)
      throw new AppError('PRECONDITION_FAILED', 'The store has changed since it was read')
    return storeDecider.decide(state, command)
  }
}

function notFound(): AppError {
  return new AppError('STORE_NOT_FOUND', 'There is no such store')
}
