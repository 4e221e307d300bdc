import { decodeTenantEvent } from '#contracts'
import {
  tenant,
  tenantStream,
  type TenantCommand,
  type TenantEvent,
  type TenantState,
} from '#domain'
import type { EventStore } from '#eventstore'

/** What this process knows of one tenant's stream. */
export interface Ledger {
  tenantId: string
  state: TenantState
  revision: bigint | 'no_stream'
  /** False when the stream may hold more than is known here. */
  upToDate: boolean
}

export function emptyLedger(tenantId: string): Ledger {
  return { tenantId, state: tenant.initialState(), revision: 'no_stream', upToDate: false }
}

/** Reads what the ledger does not know yet. */
export async function catchUp(store: EventStore, ledger: Ledger): Promise<void> {
  const from = ledger.revision === 'no_stream' ? 0n : ledger.revision + 1n
  for await (const recorded of store.readStream(tenantStream(ledger.tenantId), { from })) {
    const event = decodeTenantEvent(recorded)
    if (event !== undefined) ledger.state = tenant.evolve(ledger.state, event)
    ledger.revision = recorded.revision
  }
  ledger.upToDate = true
}

/** Decides and applies the outcome, so that the next decision of the batch sees it. */
export function decideAhead({ state }: Ledger, command: TenantCommand): TenantEvent[] {
  const events = tenant.decide(state, command)
  for (const event of events) tenant.evolve(state, event)
  return events
}

/** Takes back what was decided ahead and could not be stored; what a release has wiped out is read again. */
export function takeBack(ledger: Ledger, events: TenantEvent[]): void {
  const { reserved, known } = ledger.state
  if (events.some(({ type }) => type === 'StoreSlotReleased')) {
    reserved.clear()
    known.clear()
    ledger.revision = 'no_stream'
    return
  }
  for (const { data } of events) {
    reserved.delete(data.storeId)
    known.delete(data.storeId)
  }
}
