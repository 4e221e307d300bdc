import { createHash } from 'node:crypto'
import { dump } from 'js-yaml'
import { AppError, type StoreRequested } from '#domain'

/** The Secret every store finds in its own namespace; made outside the release. */
export const STORE_SECRET = 'store-secret'

export interface StoreValues {
  /** The values file, byte for byte what helm reads. */
  yaml: string
  /** SHA-256 of it, hex. */
  digest: string
  host: string
}

/** The values of a store's chart. They hold no secret, and the same request always gives the same bytes. */
export function storeValues(
  request: StoreRequested,
  release: string,
  storesDomain: string,
): StoreValues {
  const { storeId: id, name, tenantId: tenant, plan } = request
  const host = `${release}.${storesDomain}`
  const values = { existingSecret: STORE_SECRET, host, plan, store: { id, name, tenant } }
  const yaml = dump(values, { noRefs: true, lineWidth: -1, forceQuotes: true })
  return { yaml, host, digest: createHash('sha256').update(yaml).digest('hex') }
}

/** Refuses text that could mean something to YAML, a template or a terminal. Throws VALUES_INVALID. */
export function refuseUnsafeText(request: StoreRequested): void {
  for (const field of ['name', 'tenantId'] as const)
    if (!request[field].isWellFormed() || unsafe.test(request[field]))
      throw new AppError(
        'VALUES_INVALID',
        `The ${field} holds a control character, a line break, a backtick, '{{' or '}}'`,
        { details: { field } },
      )
}

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}`]|\{\{|\}\}/u
