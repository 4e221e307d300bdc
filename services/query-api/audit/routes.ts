import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { type AuditEntry, type AuditQuery, operations, routeOf } from '#contracts'
import { anyTenant, AppError } from '#domain'
import type { Actor, EventStore } from '#eventstore'
import { type Caller, callerOf, type OpaqueIds } from '#http'
import { prepared, type Statement } from '#postgres'
import { diagnose, diffStore } from '../history.ts'
import { admission } from '../live-changes.ts'
import type { ReadModels } from '../read-models/connection.ts'
import { type AuditKey, openExport } from './export.ts'

interface AuditDependencies {
  models: ReadModels
  store: EventStore
  ids: OpaqueIds
  auditKey: AuditKey | undefined
}

const list = routeOf(operations.listAudit)
const whole = routeOf(operations.exportAudit)
const publicKey = routeOf(operations.getAuditKey)
const diff = routeOf(operations.diffStore)
const diagnosis = routeOf(operations.diagnoseStore)

const fromLog = <Config extends object>(config: Config) => ({ ...config, readsLog: true })

/** GET /audit, /audit/export, /audit/key, and /stores/:id/diff and /diagnosis: who did what, and why it is so. */
export const auditRoutes: FastifyPluginAsyncZod<AuditDependencies> = async (app, dependencies) => {
  const { store, ids, auditKey } = dependencies
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const page = await listAudit(dependencies, callerOf(request), request.query)
      const { nextCursor } = page.pagination
      if (nextCursor !== null) {
        const next = app.linkTo(`${url}?${parametersOf({ ...request.query, cursor: nextCursor })}`)
        reply.header('link', `<${next}>; rel="next"`)
      }
      return reply.send(page)
    })
  const admit = admission({ perTenantMax: 2, what: 'exports' })
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())
  for (const { url } of whole.addresses)
    app.get(url, { ...whole, config: fromLog(whole.config) }, async (request, reply) => {
      const key = needed(auditKey)
      const { tenantId, ended } = callerOf(request)
      const { from, to, after: line, digest = '' } = request.query
      // What is not over yet would be another file the next time.
      if (to !== undefined && Date.parse(to) > Date.now())
        throw new AppError('REQUEST_INVALID', 'to is later than now: name a time that has passed')
      const gone = new AbortController()
      const leave = admit(tenantId)
      reply.raw.on('close', () => {
        gone.abort()
        leave()
      })
      const signals = [closing.signal, gone.signal, ...(ended === undefined ? [] : [ended])]
      const after = line === undefined ? undefined : { line, digest }
      const range = { tenantId, from: utc(from), to: utc(to) ?? new Date().toISOString() }
      const pieces = await openExport({
        store,
        range,
        key,
        after,
        signal: AbortSignal.any(signals),
      })
      const name = tenantId === anyTenant ? 'operators' : tenantId
      return reply
        .type('application/x-ndjson')
        .header('content-disposition', `attachment; filename="audit-${name}.ndjson"`)
        .send(Readable.from(pieces, { objectMode: false }))
    })
  for (const { url } of publicKey.addresses)
    app.get(url, publicKey, async (_request, reply) => {
      const { keyId, publicKey: pem } = needed(auditKey)
      return reply.send({ key: { algorithm: 'Ed25519', keyId, publicKey: pem } })
    })
  for (const { url } of diff.addresses)
    app.get(url, { ...diff, config: fromLog(diff.config) }, async (request, reply) => {
      const asked = { tenantId: callerOf(request).tenantId, storeId: request.params.id }
      return reply.send({ diff: await diffStore(store, { ...asked, ...request.query }) })
    })
  for (const { url } of diagnosis.addresses)
    app.get(url, { ...diagnosis, config: fromLog(diagnosis.config) }, async (request, reply) => {
      const asked = { tenantId: callerOf(request).tenantId, storeId: request.params.id }
      return reply.send({ diagnosis: await diagnose({ store, ids }, asked) })
    })
}

function needed(key: AuditKey | undefined): AuditKey {
  if (key !== undefined) return key
  throw new AppError(
    'AUDIT_KEY_MISSING',
    'AUDIT_SIGNING_KEY is not set: an Ed25519 private key, as PKCS#8 PEM or in a file',
  )
}

/** One text for one time, so that exports of a range are equal whatever zone it was given in. */
const utc = (time: string | undefined) => time && new Date(time).toISOString()

function parametersOf(query: AuditQuery): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return new URLSearchParams(given).toString()
}

interface AuditRow {
  position: bigint
  tenantId: string
  time: string
  storeId: string | null
  type: string
  correlationId: string
  entry: Pick<AuditEntry, 'id' | 'stream' | 'revision' | 'address' | 'reason' | 'changes'> & {
    actor: Actor
    asOperator?: true
  }
}

async function listAudit({ models, ids }: AuditDependencies, caller: Caller, query: AuditQuery) {
  const { tenantId } = caller
  const { limit, cursor } = query
  const after = cursor === undefined ? undefined : ids.positionOf(cursor, tenantId)
  if (cursor !== undefined && after === undefined)
    throw new AppError('REQUEST_INVALID', 'cursor was not issued by this API')
  const rows = await models.query<AuditRow>(auditStatement({ caller, query, after }))
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  const nextCursor = last === undefined ? null : ids.tokenOf(last.position, tenantId)
  const entries = shown.map((row) => entryOf(row, ids))
  return { entries, pagination: { limit, hasMore: nextCursor !== null, nextCursor } }
}

interface Asked {
  caller: Pick<Caller, 'tenantId' | 'roles'>
  query: AuditQuery
  /** The page begins behind this position. */
  after: bigint | undefined
}

/** One page and one row more, along the index of what is asked for. */
export function auditStatement({ caller, query, after }: Asked): Statement {
  const { values, conditions, put } = conditionsOf(caller, query)
  const [order, beyond] = query.sort === 'position' ? ['asc', '>'] : ['desc', '<']
  if (after !== undefined) conditions.push(`position ${beyond} ${put(after)}`)
  const text = `select position, tenant_id as "tenantId", time, store_id as "storeId", type,
      correlation_id as "correlationId", entry
    from audit where ${conditions.join(' and ')} order by position ${order} limit ${put(query.limit + 1)}`
  return prepared(text, values)
}

const notBefore = 'time >= '
const before = 'time < '

function conditionsOf({ tenantId, roles }: Asked['caller'], query: AuditQuery) {
  const values: unknown[] = []
  const put = (value: unknown) => `$${values.push(value)}`
  const conditions = [`tenant_id = ${put(tenantId)}`]
  const asked = [
    ['store_id = ', query.store],
    ['actor = ', query.actor],
    ['type = ', query.type],
    ['correlation_id = ', query.correlationId],
    [notBefore, utc(query.from)],
    [before, utc(query.to)],
  ] as const
  for (const [condition, value] of asked) {
    if (value === undefined) continue
    const placed = put(value)
    conditions.push(condition + placed)
    if (condition === notBefore || condition === before) conditions.push(nearby(condition, placed))
  }
  if (!roles.includes('admin')) conditions.push(`type not in ('ApiKeyCreated', 'ApiKeyRevoked')`)
  return { values, conditions, put }
}

/**
 * Where in the log a time is, so that a page of old events is read there and not from an end. Clocks that wrote the log
 * differ by less than the hour that is left on both sides; the time itself is a condition too.
 */
function nearby(condition: typeof notBefore | typeof before, time: string): string {
  const [bound, beyond, order] =
    condition === notBefore
      ? ['position >=', `time < ${time}::timestamptz - interval '1 hour'`, 'desc']
      : ['position <=', `time >= ${time}::timestamptz + interval '1 hour'`, 'asc']
  const open = condition === notBefore ? '0' : '9223372036854775807'
  return `${bound} coalesce((select edge.position from audit edge
    where edge.tenant_id = $1 and edge.${beyond} order by edge.time ${order} limit 1), ${open})`
}

function entryOf({ position, entry, ...row }: AuditRow, ids: OpaqueIds): AuditEntry {
  const { tenantId } = row
  const { actor, ...rest } = entry
  const id = actor.kind === 'worker' ? ids.workerOf(actor.id, tenantId) : actor.id
  return { ...row, ...rest, position: ids.tokenOf(position, tenantId), actor: { ...actor, id } }
}
