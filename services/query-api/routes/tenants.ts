import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { operations, routeOf, settingsViewOf, type TenantDetail, type TenantView } from '#contracts'
import {
  anyTenant,
  AppError,
  nothingSet,
  type Plan,
  type StoreStatus,
  type TenantSettings,
} from '#domain'
import { type Caller, callerOf, isTenantId } from '#http'
import type { ReadModels } from '../read-models/connection.ts'

interface TenantOptions {
  models: ReadModels
  /** What counts for a tenant without limits of its own. */
  defaults: TenantDetail['defaults']
}

const list = routeOf(operations.listTenants)
const one = routeOf(operations.getTenant)
const own = routeOf(operations.getOwnTenant)

/** GET /tenants, /tenants/:id and /tenant: what is set for tenants, and what they use, from the read models. */
export const tenantRoutes: FastifyPluginAsyncZod<TenantOptions> = async (app, options) => {
  const { models } = options
  for (const { url } of list.addresses)
    app.get(url, list, async (request, reply) => {
      const { limit, cursor, tenant } = request.query
      const after = cursor === undefined ? '' : readCursor(cursor)
      const found = await listTenants(models, { after, limit: limit + 1, only: tenant ?? null })
      const tenants = found.slice(0, limit)
      const last = found.length > limit ? tenants.at(-1) : undefined
      const nextCursor = last === undefined ? null : writeCursor(last.id)
      if (nextCursor !== null) {
        const next = app.linkTo(`${url}?limit=${limit}&cursor=${nextCursor}`)
        reply.header('link', `<${next}>; rel="next"`)
      }
      const pagination = { limit, hasMore: nextCursor !== null, nextCursor }
      return reply.send({ tenants, pagination })
    })
  for (const { url } of one.addresses)
    app.get(url, one, async (request, reply) => {
      const { id } = request.params
      requireSame(id, callerOf(request))
      const tenant = await readTenant(options, id)
      return reply.header('etag', `"${tenant.version}"`).send({ tenant })
    })
  for (const { url } of own.addresses)
    app.get(url, own, async (request, reply) => {
      const tenant = await readTenant(options, callerOf(request).tenantId)
      return reply.header('etag', `"${tenant.version}"`).send({ tenant })
    })
}

function requireSame(id: string, { tenantId, asOperator }: Caller): void {
  if (asOperator === true && tenantId !== anyTenant && tenantId !== id)
    throw new AppError('REQUEST_INVALID', '?tenant= names another tenant than the address')
}

interface TenantRow {
  id: string
  settings: TenantSettings | null
  counts: Partial<Record<StoreStatus, number>> | null
}

// Each half is a walk along its own key, so a page costs the same at any depth.
const pageText = `
  with page as (
    (select tenant_id from tenant_settings
     where tenant_id > $1 and ($3::text is null or tenant_id = $3) order by tenant_id limit $2)
    union
    (select distinct tenant_id from store_counts
     where tenant_id > $1 and ($3::text is null or tenant_id = $3) order by tenant_id limit $2)
    order by tenant_id limit $2)
  select page.tenant_id as id, t.settings,
    (select json_object_agg(status, count) from
       (select status, sum(count) as count from store_counts c
        where c.tenant_id = page.tenant_id group by status) as each_status) as counts
  from page left join tenant_settings t on t.tenant_id = page.tenant_id
  order by page.tenant_id`

async function listTenants(
  { query }: ReadModels,
  { after, limit, only }: { after: string; limit: number; only: string | null },
): Promise<TenantView[]> {
  const values = [after, limit, only]
  const rows = await query<TenantRow>({ name: 'list-tenants', text: pageText, values })
  return rows.map(viewOf)
}

function viewOf({ id, settings, counts }: TenantRow): TenantView {
  const of = (status: StoreStatus) => counts?.[status] ?? 0
  const byStatus: Record<StoreStatus, number> = {
    requested: of('requested'),
    provisioning: of('provisioning'),
    ready: of('ready'),
    upgrading: of('upgrading'),
    'upgrade-failed': of('upgrade-failed'),
    failed: of('failed'),
    cancelling: of('cancelling'),
    deleting: of('deleting'),
    deleted: of('deleted'),
  }
  const { deleted: _, ...living } = byStatus
  const stores = Object.values(living).reduce((sum, count) => sum + count, 0)
  return { ...settingsViewOf(id, settings ?? nothingSet), use: { stores, byStatus } }
}

async function readTenant({ models, defaults }: TenantOptions, id: string): Promise<TenantDetail> {
  const [known] = await listTenants(models, { after: '', limit: 1, only: id })
  const { use, ...settings } = known ?? viewOf({ id, settings: null, counts: null })
  const rows = await models.query<{ plan: Plan; count: bigint }>({
    name: 'count-plans',
    text: `select view ->> 'plan' as plan, count(*) from stores
           where tenant_id = $1 and status <> 'deleted' group by 1`,
    values: [id],
  })
  const held = new Map(rows.map(({ plan, count }) => [plan, Number(count)]))
  const of = (plan: Plan) => held.get(plan) ?? 0
  const byPlan = { small: of('small'), medium: of('medium'), large: of('large') }
  return { ...settings, defaults, use: { ...use, byPlan } }
}

const writeCursor = (id: string): string => Buffer.from(JSON.stringify([id])).toString('base64url')

function readCursor(cursor: string): string {
  const id = /^\["(.+)"\]$/.exec(Buffer.from(cursor, 'base64url').toString())?.[1]
  // Decoding ignores characters that are not base64url.
  if (id !== undefined && isTenantId(id) && writeCursor(id) === cursor) return id
  throw new AppError('REQUEST_INVALID', 'cursor was not issued by this API')
}
