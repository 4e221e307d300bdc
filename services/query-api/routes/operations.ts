import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import {
  decodeMetadata,
  decodeOperationEvent,
  operations,
  operationViewOf,
  type OperationView,
  routeOf,
} from '#contracts'
import {
  AppError,
  operation as decider,
  operationNotFound,
  type OperationResult,
  operationStream,
  type OperationState,
} from '#domain'
import type { EventStore } from '#eventstore'
import { callerOf } from '#http'
import { z } from 'zod'
import type { ReadModels } from '../read-models/connection.ts'

interface OperationOptions {
  models: ReadModels
  store: EventStore
}

const list = routeOf(operations.listOperations)
const one = routeOf(operations.getOperation)
const results = routeOf(operations.listOperationResults)

/** GET /operations, /operations/:id and …/results: how far they are from the read models, results from the log itself. */
export const operationRoutes: FastifyPluginAsyncZod<OperationOptions> = async (app, options) => {
  const { models, store } = options
  const pageOf = (asked: { url: string; query: object }, limit: number, next: string | null) => {
    const link = next === null ? {} : { link: `<${app.linkTo(nextPage(asked, next))}>; rel="next"` }
    return { link, pagination: { limit, hasMore: next !== null, nextCursor: next } }
  }
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const { limit, cursor, status = null } = request.query
      const { tenantId } = callerOf(request)
      const after = cursor === undefined ? undefined : readCursor(placeInList, cursor, status)
      const found = await listOperations(models, { tenantId, status, after, limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      const next = last === undefined ? null : writeCursor([last.createdAt, last.id, status])
      const { link, pagination } = pageOf({ url, query: request.query }, limit, next)
      return reply.headers(link).send({ operations: page, pagination })
    })
  for (const { url } of one.addresses)
    app.get(url, one, async (request, reply) => {
      const asked = { id: request.params.id, tenantId: callerOf(request).tenantId }
      return reply.send({ operation: await readOperation(options, asked) })
    })
  for (const { base, url } of results.addresses)
    app.get(url, results, async (request, reply) => {
      const { id } = request.params
      const { limit, cursor, outcome = null } = request.query
      await readOperation(options, { id, tenantId: callerOf(request).tenantId })
      const after = cursor === undefined ? undefined : readCursor(placeInResults, cursor, outcome)
      const found = await listResults(store, { id, outcome, after, limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      const next = last === undefined ? null : writeCursor([last.revision, last.index, outcome])
      const address = { url: `${base}/operations/${id}/results`, query: request.query }
      const { link, pagination } = pageOf(address, limit, next)
      return reply.headers(link).send({ results: page.map(({ result }) => result), pagination })
    })
}

function nextPage({ url, query }: { url: string; query: object }, cursor: string): string {
  const parameters = new URLSearchParams()
  const entries: [string, string | number | undefined][] = Object.entries({ ...query, cursor })
  for (const [name, value] of entries) if (value !== undefined) parameters.set(name, String(value))
  return `${url}?${parameters.toString()}`
}

interface Listing {
  tenantId: string
  status: string | null
  after: z.output<typeof placeInList> | undefined
  limit: number
}

interface OperationRow {
  view: OperationView
  suspended: boolean
}

const columns = `o.view, coalesce((t.settings ->> 'suspended')::boolean, false) as suspended
  from operations o left join tenant_settings t on t.tenant_id = o.tenant_id`

/** A page of the tenant's operations, the newest first. */
async function listOperations(
  { query }: ReadModels,
  { tenantId, status, after, limit }: Listing,
): Promise<OperationView[]> {
  const values: unknown[] = [tenantId, status, limit]
  if (after !== undefined) values.push(after[0], after[1])
  const beyond = after === undefined ? '' : 'and (o.created_at, o.id) < ($4::timestamptz, $5::uuid)'
  const rows = await query<OperationRow>({
    name: `list-operations${after === undefined ? '' : ':after'}`,
    text: `select ${columns}
           where o.tenant_id = $1 and ($2::text is null or o.status = $2) ${beyond}
           order by o.created_at desc, o.id desc limit $3`,
    values,
  })
  return rows.map(viewOf)
}

const viewOf = ({ view, suspended }: OperationRow): OperationView =>
  suspended && view.status === 'running' ? { ...view, pausedBy: 'TENANT_SUSPENDED' } : view

interface Asked {
  id: string
  tenantId: string
}

/** From the read models, or, before they know it, folded from the log. Throws OPERATION_NOT_FOUND. */
async function readOperation(
  { models, store }: OperationOptions,
  { id, tenantId }: Asked,
): Promise<OperationView> {
  const [row] = await models.query<OperationRow>({
    name: 'read-operation',
    text: `select ${columns} where o.id = $1 and o.tenant_id = $2`,
    values: [id, tenantId],
  })
  return row === undefined ? foldOperation(store, { id, tenantId }) : viewOf(row)
}

async function foldOperation(store: EventStore, { id, tenantId }: Asked): Promise<OperationView> {
  let state: OperationState = decider.initialState()
  let cause = { createdBy: '', reason: undefined as string | undefined }
  let updatedAt = ''
  for await (const stored of store.readStream(operationStream(id))) {
    const event = decodeOperationEvent(stored)
    const { actor: createdBy, reason } = decodeMetadata(stored)
    if (state.status === 'absent') cause = { createdBy, reason }
    if (event !== undefined) state = decider.evolve(state, event)
    updatedAt = stored.recordedAt
  }
  if (state.status === 'absent' || state.request.tenantId !== tenantId) throw operationNotFound()
  return operationViewOf(state, { ...cause, updatedAt })
}

interface ListedResult {
  /** Where it lies: the revision of its event, and its place in it. */
  revision: number
  index: number
  result: { storeId: string; outcome: OperationResult['outcome']; code: string | null }
}

interface ResultsAsked {
  id: string
  outcome: string | null
  after: z.output<typeof placeInResults> | undefined
  limit: number
}

/** Results in the order they were recorded, read from where the page before ended; a page costs what it shows. */
async function listResults(
  store: EventStore,
  { id, outcome, after, limit }: ResultsAsked,
): Promise<ListedResult[]> {
  const [first, lastIndex] = after ?? [0, -1]
  const found: ListedResult[] = []
  for await (const stored of store.readStream(operationStream(id), { from: BigInt(first) })) {
    const event = decodeOperationEvent(stored)
    if (event?.type !== 'BatchDone') continue
    const revision = Number(stored.revision)
    for (const [index, { code = null, ...result }] of event.data.results.entries()) {
      if (revision === first && index <= lastIndex) continue
      if (outcome !== null && result.outcome !== outcome) continue
      found.push({ revision, index, result: { ...result, code } })
      if (found.length === limit) return found
    }
  }
  return found
}

const filter = z.string().nullable()
// PostgreSQL has no year 0.
const time = z.iso.datetime().refine((text) => !text.startsWith('0000'))
const placeInList = z.tuple([time, z.uuid(), filter])
const placeInResults = z.tuple([z.int().nonnegative(), z.int().nonnegative(), filter])

const writeCursor = (place: unknown[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url')

/** The place that a cursor names. Throws REQUEST_INVALID for one that was altered or belongs to another list. */
function readCursor<Place extends [unknown, unknown, string | null]>(
  place: z.ZodType<Place>,
  cursor: string,
  filtered: string | null,
): Place {
  const parsed = z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(Buffer.from(text, 'base64url').toString())
      } catch {
        context.addIssue('is no JSON')
        return z.NEVER
      }
    })
    .pipe(place)
    .safeParse(cursor)
  // Decoding ignores characters that are not base64url.
  if (!parsed.success || writeCursor(parsed.data) !== cursor)
    throw new AppError('REQUEST_INVALID', 'cursor was not issued by this API')
  if (parsed.data[2] !== filtered)
    throw new AppError('REQUEST_INVALID', 'cursor belongs to a list with another filter')
  return parsed.data
}
