import {
  engines,
  failureReasons,
  plans,
  releaseNameOf,
  storeStatuses,
  type StoreState,
} from '#domain'
import { z } from 'zod'

const time = z.iso.datetime()

/** A store as the API shows it. */
export const storeView = z.object({
  id: z.uuid(),
  tenantId: z.string(),
  name: z.string(),
  engine: z.enum(engines),
  plan: z.enum(plans),
  status: z.enum(storeStatuses),
  url: z.string().nullable(),
  /** They follow from the store's id, so they are known before anything exists in the cluster. */
  release: z.string(),
  namespace: z.string(),
  /** Of the chart that runs; null before the store was ready. */
  chartVersion: z.string().nullable(),
  /** The requested upgrade, while it is in progress or after it failed. */
  upgrade: z.object({ plan: z.enum(plans), requestedAt: time }).nullable(),
  attempt: z.int(),
  failure: z
    .object({
      reason: z.enum(failureReasons),
      retryable: z.boolean(),
      detail: z.string(),
      nextAction: z.string(),
    })
    .nullable(),
  createdAt: time,
  updatedAt: time,
  deletedAt: time.nullable(),
  revision: z.int(),
})
export type StoreView = z.output<typeof storeView>

export const oneStore = z.object({ store: storeView })

export const storePage = z.object({
  stores: z.array(storeView),
  pagination: z.object({
    total: z.int(),
    limit: z.int(),
    offset: z.int().nullable(),
    hasMore: z.boolean(),
    nextCursor: z.string().nullable(),
  }),
})

/** An event as the API shows it: what happened, who caused it, and which request. */
export const eventView = z.object({
  id: z.uuid(),
  revision: z.int(),
  position: z.string(),
  type: z.string(),
  time,
  actor: z.string(),
  correlationId: z.string(),
  data: z.record(z.string(), z.unknown()),
})
export type EventView = z.output<typeof eventView>

export const eventPage = z.object({
  events: z.array(eventView),
  pagination: z.object({ limit: z.int(), hasMore: z.boolean(), nextFrom: z.int().nullable() }),
})

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

function upgradeOf(state: ExistingStore): StoreView['upgrade'] {
  if (!('upgrade' in state)) return null
  const { plan, requestedAt } = state.upgrade
  return { plan, requestedAt }
}

function failureOf(state: ExistingStore): StoreView['failure'] {
  if ('failure' in state) return state.failure
  return 'lastFailure' in state && state.lastFailure !== undefined ? state.lastFailure : null
}
