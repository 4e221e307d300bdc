import { createHash } from 'node:crypto'
import type { RequestStoreBody, UpgradeStoreBody } from '#contracts'

/** SHA-256 (hex) of the request in its canonical form: two bodies with the same meaning have the same. */
export function fingerprintOf({ name, engine, plan }: RequestStoreBody): string {
  return sha256({ name, engine, plan })
}

/** The same of a request for an upgrade; to keep the plan and to name it are two requests. */
export function upgradeFingerprintOf({ plan }: UpgradeStoreBody): string {
  return sha256({ plan: plan ?? null })
}

const sha256 = (canonical: object): string =>
  createHash('sha256').update(JSON.stringify(canonical)).digest('hex')
