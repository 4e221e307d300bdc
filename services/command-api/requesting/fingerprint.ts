import { createHash } from 'node:crypto'
import type { RequestStoreBody } from '#contracts'

/** SHA-256 (hex) of the request in its canonical form: two bodies with the same meaning have the same. */
export function fingerprintOf({ name, engine, plan }: RequestStoreBody): string {
  return createHash('sha256').update(JSON.stringify({ name, engine, plan })).digest('hex')
}
