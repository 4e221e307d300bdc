import type { Plan, StoreStatus, TenantLimits, TenantSettings } from '#domain'
import { z } from 'zod'
import {
  pageLimit,
  positionHeaders,
  preconditionHeaders,
  readQuery,
  tenantId,
  writeHeaders,
} from '../http-requests.ts'
import { ofReadModels, ofUnkeyed, type Operation } from './operation.ts'

const ofEachPlan = <Schema extends z.ZodType>(schema: Schema) =>
  ({ small: schema, medium: schema, large: schema }) satisfies Record<Plan, unknown>

const isDefault = 'null or absent: the default of the installation'
const limitOf = (least: number, most: number) => z.int().min(least).max(most).nullable().optional()

/** The body of PUT /tenants/:id: everything at once, so that nothing is changed unseen. */
const setTenantBody = z.strictObject(
  {
    limits: z
      .strictObject({
        stores: limitOf(0, 100_000),
        plans: z.strictObject(ofEachPlan(limitOf(0, 100_000))).optional(),
        requestsPerMinute: limitOf(1, 1_000_000),
        concurrency: limitOf(1, 1_024),
      })
      .describe(isDefault),
    suspended: z.boolean(),
  },
  {
    error: ({ input }) =>
      input === undefined || input === null
        ? 'a JSON body is needed, such as {"limits":{"stores":10},"suspended":false}'
        : undefined,
  },
)
export type SetTenantBody = z.output<typeof setTenantBody>

/** The limits of a body as events have them: without those that are the default's. */
export function limitsIn({ limits: { plans: ofPlans = {}, ...others } }: SetTenantBody) {
  const byPlan = numbersIn(ofPlans)
  const limits: TenantLimits = numbersIn(others)
  return Object.keys(byPlan).length > 0 ? { ...limits, plans: byPlan } : limits
}

const numbersIn = (limits: object) =>
  Object.fromEntries(
    Object.entries(limits).flatMap(([name, limit]): [string, number][] =>
      typeof limit === 'number' ? [[name, limit]] : [],
    ),
  )

const count = z.int().nonnegative()
const shownLimit = count.nullable()
const settings = {
  id: z.string(),
  suspended: z.boolean().describe('It may read, and change nothing'),
  limits: z
    .object({
      stores: shownLimit,
      plans: z.object(ofEachPlan(shownLimit)),
      requestsPerMinute: shownLimit.describe('To each process of an API'),
      concurrency: shownLimit.describe('Stores that are worked on at the same time'),
    })
    .meta({ id: 'TenantLimits', description: 'null: the default of the installation' }),
  changedAt: z.iso.datetime().nullable().describe('When an operator set something last'),
  version: count.describe('Of what is set: its ETag'),
}
const use = {
  stores: count.describe('Without those that are deleted'),
  byStatus: z.object({
    requested: count,
    provisioning: count,
    ready: count,
    upgrading: count,
    'upgrade-failed': count,
    failed: count,
    cancelling: count,
    deleting: count,
    deleted: count,
  } satisfies Record<StoreStatus, unknown>),
}

const tenantSettingsView = z.object(settings).meta({ id: 'TenantSettings' })
const tenantView = z
  .object({ ...settings, use: z.object(use).meta({ id: 'TenantUse' }) })
  .meta({ id: 'Tenant' })
export type TenantView = z.output<typeof tenantView>
const tenantDetail = z
  .object({
    ...settings,
    defaults: z
      .object({ stores: count, requestsPerMinute: count })
      .describe('What counts where a limit is null'),
    use: z.object({ ...use, byPlan: z.object(ofEachPlan(count)) }),
  })
  .meta({ id: 'TenantDetail' })
export type TenantDetail = z.output<typeof tenantDetail>

const tenantPage = z
  .object({
    tenants: z.array(tenantView),
    pagination: z.object({
      limit: count,
      hasMore: z.boolean(),
      nextCursor: z.string().nullable(),
    }),
  })
  .meta({ id: 'TenantPage' })

/** What is set for a tenant as the API shows it. */
export function settingsViewOf(
  id: string,
  { limits, suspended, changedAt, version }: TenantSettings,
): z.output<typeof tenantSettingsView> {
  const { stores = null, requestsPerMinute = null, concurrency = null } = limits
  const ofPlan = (plan: Plan) => limits.plans?.[plan] ?? null
  const shown = { small: ofPlan('small'), medium: ofPlan('medium'), large: ofPlan('large') }
  return {
    id,
    suspended,
    limits: { stores, plans: shown, requestsPerMinute, concurrency },
    changedAt: changedAt ?? null,
    version,
  }
}

const exampleSettings = {
  id: 'acme',
  suspended: false,
  limits: {
    stores: 10,
    plans: { small: null, medium: null, large: 2 },
    requestsPerMinute: null,
    concurrency: null,
  },
  changedAt: '2026-01-01T00:00:00.000Z',
  version: 1,
}
const exampleUse = {
  stores: 3,
  byStatus: {
    requested: 0,
    provisioning: 0,
    ready: 3,
    upgrading: 0,
    'upgrade-failed': 0,
    failed: 0,
    cancelling: 0,
    deleting: 0,
    deleted: 0,
  } satisfies Record<StoreStatus, number>,
}
const exampleDetail = {
  ...exampleSettings,
  defaults: { stores: 1_000, requestsPerMinute: 6_000 },
  use: { ...exampleUse, byPlan: { small: 2, medium: 0, large: 1 } },
}

const params = z.object({ id: tenantId })
const detail = {
  status: 200,
  description: 'The tenant',
  body: z.object({ tenant: tenantDetail }).meta({ id: 'OneTenant' }),
  headers: ['ETag', 'X-Position', 'X-Read-Lag'],
  example: { tenant: exampleDetail },
} as const

/** The operations on tenants. */
export const tenantOperations = {
  getOwnTenant: {
    operationId: 'getOwnTenant',
    method: 'GET',
    path: '/tenant',
    policy: 'read',
    tag: 'Tenants',
    summary: 'What the own tenant may, and what it uses',
    schema: { querystring: readQuery, headers: positionHeaders },
    answer: detail,
    errors: ofReadModels,
  },
  listTenants: {
    operationId: 'listTenants',
    method: 'GET',
    path: '/tenants',
    policy: 'operator',
    anyTenant: true,
    tag: 'Tenants',
    summary: 'List tenants',
    description:
      'Every tenant that has a store, had one, or for whom something was set; ordered by id.',
    schema: {
      querystring: readQuery.extend({
        limit: pageLimit,
        cursor: z.string().max(500).optional().describe('nextCursor of the previous page'),
      }),
      headers: positionHeaders,
    },
    answer: {
      status: 200,
      description: 'A page of tenants',
      body: tenantPage,
      headers: ['Link', 'X-Position', 'X-Read-Lag'],
      example: {
        tenants: [{ ...exampleSettings, use: exampleUse }],
        pagination: { limit: 50, hasMore: false, nextCursor: null },
      },
    },
    errors: ofReadModels,
  },
  getTenant: {
    operationId: 'getTenant',
    method: 'GET',
    path: '/tenants/:id',
    policy: 'operator',
    anyTenant: true,
    tag: 'Tenants',
    summary: 'What a tenant may, and what it uses',
    schema: { params, querystring: readQuery, headers: positionHeaders },
    answer: detail,
    errors: [...ofReadModels, 'ROUTE_NOT_FOUND'],
  },
  setTenant: {
    operationId: 'setTenant',
    method: 'PUT',
    path: '/tenants/:id',
    policy: 'operator',
    anyTenant: true,
    tag: 'Tenants',
    summary: 'Set what a tenant may',
    description:
      'Replaces all limits at once. A suspended tenant is refused every change; its stores go on, and so does reading.',
    schema: {
      params,
      headers: writeHeaders.extend(preconditionHeaders.shape),
      body: setTenantBody,
    },
    exampleBody: { limits: { stores: 10, plans: { large: 2 } }, suspended: false },
    answer: {
      status: 200,
      description: 'What is set now; the same for a repetition',
      body: z.object({ tenant: tenantSettingsView }).meta({ id: 'OneTenantSettings' }),
      headers: ['ETag', 'X-Position'],
      example: { tenant: exampleSettings },
    },
    errors: [...ofUnkeyed, 'ROUTE_NOT_FOUND', 'PRECONDITION_FAILED'],
  },
} as const satisfies Record<string, Operation>
