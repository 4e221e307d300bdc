import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { PartAddresses } from '../dependencies/start.ts'
import { releasesIn } from '../services/service-table.ts'

const variables = z.record(z.string(), z.string())
const fileIn = (folder: string): string => join(folder, 'addresses.json')

/** Keeps where the parts and the releases are in the data folder while the stack runs, for its owner's eyes only: one holds a password. */
export function writeAddresses(folder: string, { eventStore, nats, database }: PartAddresses) {
  const text = {
    EVENTSTORE_URL: eventStore,
    NATS_URL: nats,
    DATABASE_URL: database,
    RELEASES_DIR: releasesIn(folder),
  }
  rmSync(fileIn(folder), { force: true })
  writeFileSync(fileIn(folder), JSON.stringify(text, null, 2), { mode: 0o600 })
  return { remove: () => rmSync(fileIn(folder), { force: true }) }
}

/** The addresses of the running stack as environment variables; none when no stack runs on the folder. */
export function readAddresses(folder: string): z.output<typeof variables> {
  try {
    return variables.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
  } catch {
    return {}
  }
}
