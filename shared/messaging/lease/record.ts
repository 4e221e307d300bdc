import { headers } from 'nats'
import { ifPresent } from '../api-errors.ts'
import type { Messaging } from '../messaging.ts'
import { leaseStream } from '../topology.ts'

const TIMEOUT_MS = 2_000
const operationHeader = 'KV-Operation'

/** What the bucket holds of one lease; `bucket` names the bucket's incarnation. */
export interface StoredLease {
  bucket: string
  lease: { sequence: number; released: boolean } | undefined
}

export const leaseSubject = (storeId: string, claimId: string): string =>
  `$KV.LEASES.${storeId}.${claimId}`

/** Writes a renewal, or the mark of a release; false when it was not confirmed in time. */
export async function writeLease(
  { connection }: Messaging,
  subject: string,
  { change, timeoutMs }: { change: 'renewal' | 'release'; timeoutMs: number },
): Promise<boolean> {
  const named = headers()
  if (change === 'release') named.set(operationHeader, 'DEL')
  const options = { timeout: timeoutMs, headers: named, retries: 1 }
  try {
    await connection.jetstream({ timeout: timeoutMs }).publish(subject, '', options)
    return true
  } catch {
    return false
  }
}

/** Reads from the bucket's leader, never from a copy that may be behind. Throws when it does not answer. */
export async function readLease({ connection }: Messaging, subject: string): Promise<StoredLease> {
  const manager = await connection.jetstreamManager({ timeout: TIMEOUT_MS, checkAPI: false })
  const { created } = await manager.streams.info(leaseStream)
  const lookUp = manager.streams.getMessage(leaseStream, { last_by_subj: subject })
  const stored = await ifPresent(lookUp)
  const lease = stored && {
    sequence: stored.seq,
    released: isRelease(stored.header),
  }
  return { bucket: created, lease }
}

/** True for the mark of a release, false for a renewal. */
export function isRelease(header: { get: (name: string) => string } | undefined): boolean {
  return header?.get(operationHeader) === 'DEL'
}
