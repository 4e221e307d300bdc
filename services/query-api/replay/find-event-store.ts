import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventStoreVariables, parseEnvironment } from '#config'
import { z } from 'zod'

const schema = z.object(eventStoreVariables)

/** The event store's address: EVENTSTORE_URL, or the one that a running `npm start` has written down. */
export function findEventStore(env: Record<string, string | undefined>): string {
  const folder = env['STOREWRIGHT_DATA'] ?? '.storewright'
  const given = env['EVENTSTORE_URL'] ? env : readAddresses(join(folder, 'addresses.json'))
  return parseEnvironment(schema, given).EVENTSTORE_URL
}

const addresses = z.record(z.string(), z.string())

function readAddresses(file: string): Record<string, string> {
  try {
    return addresses.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // Then nothing is running here, and the variable is what is missing.
    return {}
  }
}
