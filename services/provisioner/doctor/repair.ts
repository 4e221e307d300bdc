import { createHash, randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { decodeStoreEvent } from '#contracts'
import { AppError, store, storeStream } from '#domain'
import { handleCommand, type EventStore } from '#eventstore'
import type { Finding } from './findings.ts'
import type { LoggedStore } from './snapshot/snapshot.ts'

/** The findings of these ids. Throws REQUEST_INVALID, before anything is done, for one that is not there or that cannot be fixed here. */
export function chooseRepairs(findings: Finding[], ids: string[]): Finding[] {
  return [...new Set(ids)].map((id) => {
    const finding = findings.find((one) => one.id === id)
    if (finding === undefined) throw refused(`There is no finding ${id} now`)
    if (finding.repair === undefined)
      throw refused(`${id} is not repaired by the doctor. ${finding.nextAction}`)
    return finding
  })
}

/**
 * Sends each store's command as its owner could: the next attempt restores its release. The store's stream says who
 * asked; yields what was done. Asked twice with the same snapshot, it happens once.
 */
export async function* repairStores(
  eventStore: EventStore,
  stores: LoggedStore[],
  repairs: Finding[],
): AsyncGenerator<string> {
  for (const { id, storeId, tenantId = '', repair: type } of repairs) {
    const logged = stores.find((one) => one.id === storeId)
    if (logged === undefined || type === undefined) continue
    const commandId = `doctor:${id}:${logged.revision}`
    const now = new Date().toISOString()
    const { events, recordedAt } = await handleCommand({
      store: eventStore,
      decider: store,
      decode: decodeStoreEvent,
      stream: storeStream(logged.id),
      command:
        type === 'RequestRetry' ? { type, now } : { type, fingerprint: sha256(commandId), now },
      context: {
        commandId,
        correlationId: randomUUID(),
        actor: `user:${operator()}`,
        tenantId,
      },
    })
    const [event] = events
    // An event that was stored before has the time of it.
    const isNew = event !== undefined && recordedAt === undefined
    const done = isNew ? `${event.type} is in its stream` : 'was asked for already'
    yield `${id}: store ${logged.id}: ${done}`
  }
}

// In a container the user may have no name.
function operator(): string {
  try {
    return `doctor-${userInfo().username}`
  } catch {
    return `doctor-${process.getuid?.() ?? 'unknown'}`
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function refused(message: string): AppError {
  return new AppError('REQUEST_INVALID', message)
}
