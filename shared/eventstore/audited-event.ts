import canonicalize from 'canonicalize'
import type { RecordedEvent } from './event-store.ts'

/** Who acted: `kind` is user, key, worker or operator. */
export interface Actor {
  kind: string
  id: string
  name?: string
}

/** What an auditor is shown of an event: nothing secret, and nothing of other tenants. */
export interface AuditedEvent {
  tenantId: string
  /** The store it is about, if any. */
  storeId: string | undefined
  actor: Actor
  asOperator?: true
  address?: string
  reason?: string
  correlationId: string
  causationId?: string
  data: Record<string, unknown>
}

/** Streams that mean something to a tenant; the others are our own bookkeeping. */
const auditedStream = /^(?:store|tenant|key|operation)-/
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The event as an auditor is shown it; undefined for one that belongs to no tenant. Never throws, whatever is stored: a
 * field that has another type than ours is left out.
 */
export function auditedEvent({ stream, data, metadata }: RecordedEvent): AuditedEvent | undefined {
  if (!auditedStream.test(stream)) return undefined
  const about = isObject(metadata) ? metadata : {}
  const tenantId = textOf(about, 'tenantId')
  if (tenantId === undefined) return undefined
  const [kind, ...rest] = (textOf(about, 'actor') ?? 'unknown').split(':')
  const name = textOf(about, 'actorName')
  const asOperator = about['asOperator'] === true
  const address = textOf(about, 'address')
  const reason = textOf(about, 'reason')
  const causationId = textOf(about, 'causationId')
  return {
    tenantId,
    storeId: storeOf(stream, data),
    actor: { kind: kind ?? '', id: rest.join(':'), ...(name !== undefined && { name }) },
    ...(asOperator && { asOperator }),
    // Where an operator works is no tenant's matter.
    ...(address !== undefined && !asOperator && { address }),
    ...(reason !== undefined && { reason }),
    correlationId: textOf(about, 'correlationId') ?? '',
    ...(causationId !== undefined && { causationId }),
    data: redacted(data),
  }
}

function storeOf(stream: string, data: unknown): string | undefined {
  const named = isObject(data) ? textOf(data, 'storeId') : undefined
  return uuid.exec(stream.startsWith('store-') ? stream : (named ?? ''))?.[0]
}

/** The name of a worker tells its machine, the hash of a key helps to guess it. */
function redacted(data: unknown): Record<string, unknown> {
  if (!isObject(data)) return {}
  const { worker: _, hash: _hash, ...shown } = data
  return shown
}

/** What one field was and is. */
export interface Change {
  from: unknown
  to: unknown
}

/** The fields that are not the same, in the order of their names; what is not there counts as null. */
export function differenceOf(before: object, after: object): Record<string, Change> {
  const changes: Record<string, Change> = {}
  const was = new Map(Object.entries(before))
  const is = new Map(Object.entries(after))
  for (const name of [...new Set([...was.keys(), ...is.keys()])].toSorted()) {
    const change = { from: was.get(name) ?? null, to: is.get(name) ?? null }
    if (canonicalJson(change.from) !== canonicalJson(change.to)) changes[name] = change
  }
  return changes
}

/** RFC 8785; what JSON has and the canonical form has not becomes U+FFFD or null. */
export function canonicalJson(value: unknown): string {
  try {
    return canonicalize(value) ?? 'null'
  } catch {
    return canonicalize(wellFormed(value)) ?? 'null'
  }
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (Array.isArray(value)) return value.map(wellFormed)
  if (!isObject(value)) return value
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, inner]) => [name.toWellFormed(), wellFormed(inner)]),
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function textOf(holder: Record<string, unknown>, name: string): string | undefined {
  const value = holder[name]
  return typeof value === 'string' ? value : undefined
}
