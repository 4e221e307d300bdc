import {
  type ApiKeyCreated,
  engines,
  failureReasons,
  plans,
  releaseNameOf,
  roles,
  storeStatuses,
  type StoreState,
} from '#domain'
import { z } from 'zod'

const time = z.iso.datetime()
const count = z.int().nonnegative()
const engineName = z.enum(engines).meta({ id: 'Engine' })
const planName = z.enum(plans).meta({ id: 'Plan' })
const statusName = z.enum(storeStatuses).meta({ id: 'StoreStatus' })

/** An object that the OpenAPI document has a name for. */
const named = <Shape extends z.ZodRawShape>(id: string, shape: Shape) =>
  z.object(shape).meta({ id })

export const failureView = named('Failure', {
  reason: z.enum(failureReasons),
  retryable: z.boolean(),
  detail: z.string(),
  nextAction: z.string(),
})

/** A store as the API shows it. */
export const storeView = named('Store', {
  id: z.uuid(),
  tenantId: z.string(),
  name: z.string(),
  engine: engineName,
  plan: planName,
  labels: z.record(z.string(), z.string()),
  reference: z.string().nullable(),
  parameters: z
    .record(z.string(), z.string())
    .describe('What the shop was set up with; empty: the defaults of the engine'),
  status: statusName,
  url: z.string().nullable(),
  // They follow from the store's id, so they are known before anything exists in the cluster.
  release: z.string(),
  namespace: z.string(),
  chartVersion: z
    .string()
    .nullable()
    .describe('Of the chart that runs; null before the store was ready'),
  upgrade: z
    .object({ plan: planName, requestedAt: time })
    .nullable()
    .describe('The requested upgrade, while it is in progress or after it failed'),
  attempt: count,
  failure: failureView.nullable(),
  createdAt: time,
  updatedAt: time,
  deletedAt: time.nullable(),
  revision: count.describe('Of its stream; its ETag'),
})
export type StoreView = z.output<typeof storeView>

export const oneStore = named('OneStore', { store: storeView })

export const storePage = named('StorePage', {
  stores: z.array(storeView),
  pagination: z.object({
    total: count,
    limit: count,
    offset: count.nullable(),
    hasMore: z.boolean(),
    nextCursor: z.string().nullable(),
  }),
})

export const storeCounts = named('StoreCounts', {
  counts: z.object(Object.fromEntries(storeStatuses.map((status) => [status, count]))),
  total: count.describe('Without deleted ones'),
})

/** An event as the API shows it: what happened, who caused it, and which request. */
export const eventView = named('Event', {
  id: z.uuid(),
  revision: count,
  position: z.string(),
  type: z.string(),
  time,
  actor: z.string(),
  actorName: z.string().optional().describe('How people know the actor'),
  asOperator: z.literal(true).optional().describe('An operator acted for the tenant'),
  address: z.string().optional().describe('The network address the request came from'),
  reason: z.string().optional().describe('X-Reason of the request'),
  correlationId: z.string(),
  operationId: z.uuid().optional().describe('The operation that caused it'),
  data: z.record(z.string(), z.unknown()),
})
export type EventView = z.output<typeof eventView>

export const eventPage = named('EventPage', {
  events: z.array(eventView),
  pagination: z.object({ limit: count, hasMore: z.boolean(), nextFrom: count.nullable() }),
})

/** An API key as the API shows it: never the key itself. */
export const keyView = named('Key', {
  id: z.string(),
  tenantId: z.string().describe('`*` for the key of an operator'),
  name: z.string(),
  roles: z.array(z.enum(roles)),
  createdAt: time,
  createdBy: z.string(),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
})
export type KeyView = z.output<typeof keyView>

/** An API key as the API shows it: without its hash. */
export function keyViewOf(
  created: ApiKeyCreated,
  { createdBy, revokedAt }: { createdBy: string; revokedAt?: string },
): KeyView {
  const { hash: _, expiresAt = null, ...shown } = created
  return { ...shown, createdBy, expiresAt, revokedAt: revokedAt ?? null }
}

export const oneKey = named('OneKey', { key: keyView })
export const oneNewKey = named('OneNewKey', {
  key: keyView,
  secret: z.string().describe('The key to send as bearer; shown only here'),
})

const listedKey = named('ListedKey', {
  ...keyView.shape,
  lastUsedAt: time.nullable().describe('Up to a minute late; null before it was used'),
})
export const keyList = named('KeyList', { keys: z.array(listedKey) })

const nothing = z.object({})

/** An event of the stream of changes: `event:`, `id:` and the JSON of `data:`. */
export const streamEvent = z
  .discriminatedUnion('event', [
    z.object({ event: z.literal('open'), id: z.string(), data: nothing }),
    z.object({ event: z.literal('store'), id: z.string(), data: storeView }),
    z.object({ event: z.literal('reset'), id: z.string(), data: nothing }),
  ])
  .meta({ id: 'StreamEvent' })

/** What the OpenAPI document shows. */
export const exampleStore = {
  id: '4f6c1a52-7a5e-5d0b-9a3e-2b1f0c9d8e7f',
  tenantId: 'acme',
  name: 'Test Store',
  engine: 'woocommerce',
  plan: 'small',
  labels: { team: 'shop' },
  parameters: {},
  reference: 'order-1',
  status: 'requested',
  url: null,
  release: 'store-4f6c1a527a5e5d0b9a3e2b1f0c9d8e7f',
  namespace: 'store-4f6c1a527a5e5d0b9a3e2b1f0c9d8e7f',
  chartVersion: null,
  upgrade: null,
  attempt: 0,
  failure: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  deletedAt: null,
  revision: 0,
}

export const exampleKey = {
  id: '0f3a5c7e9b1d2f48',
  tenantId: 'acme',
  name: 'panel',
  roles: ['write'],
  createdAt: '2026-01-01T00:00:00.000Z',
  createdBy: 'key:operator',
  expiresAt: null,
  revokedAt: null,
}

interface Seen {
  updatedAt: string
  revision: bigint
}

type ExistingStore = Exclude<StoreState, { status: 'absent' }>

/** The view of a folded store. */
export function storeViewOf(state: ExistingStore, { updatedAt, revision }: Seen): StoreView {
  const { request, status, attempt } = state
  const provisioned = 'provisioned' in state ? state.provisioned : undefined
  const release = releaseNameOf(request.storeId)
  return {
    id: request.storeId,
    tenantId: request.tenantId,
    name: request.name,
    engine: request.engine,
    plan: request.plan,
    labels: request.labels ?? {},
    reference: request.reference ?? null,
    parameters: definedOf(request.parameters ?? {}),
    status,
    url: provisioned?.url ?? null,
    release,
    namespace: release,
    chartVersion: provisioned?.chartVersion ?? null,
    upgrade: upgradeOf(state),
    attempt,
    failure: failureOf(state),
    createdAt: request.requestedAt,
    updatedAt,
    deletedAt: state.status === 'deleted' ? state.deletedAt : null,
    revision: Number(revision),
  }
}

const definedOf = (all: object): Record<string, string> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))

function upgradeOf(state: ExistingStore): StoreView['upgrade'] {
  if (!('upgrade' in state)) return null
  const { plan, requestedAt } = state.upgrade
  return { plan, requestedAt }
}

function failureOf(state: ExistingStore): StoreView['failure'] {
  if ('failure' in state) return state.failure
  return 'lastFailure' in state && state.lastFailure !== undefined ? state.lastFailure : null
}
