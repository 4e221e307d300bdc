import type { EventStoreDBClient } from '@eventstore/db-client'
import { within } from './within.ts'

const TIMEOUT_MS = 1_000

/** Cancels the client's calls; returns in any case, for the client waits for ever on a call that does not end. */
export async function disposed(client: EventStoreDBClient): Promise<void> {
  await within(client.dispose(), TIMEOUT_MS).catch(() => undefined)
}
