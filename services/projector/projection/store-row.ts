import { type Failure, releaseNameOf, type StoreState } from '#domain'
import type { StoreProjection } from './store-projection.ts'

/** A row of `stores`, as JSON carries it to Postgres. */
export interface StoreRow {
  id: string
  tenant_id: string
  name: string
  engine: string
  plan: string
  status: string
  url: string | null
  release: string
  namespace: string
  attempt: number
  failure: Failure | null
  created_at: string
  updated_at: string
  deleted_at: string | null
  revision: string
  position: string
  state: StoreProjection['state']
  chart_version: string | null
  upgrade: { plan: string; requestedAt: string } | null
}

/** The row of a store; every column follows from the projection alone. */
export function storeRow({ state, revision, position, updatedAt }: StoreProjection): StoreRow {
  const { storeId, tenantId, name, engine, plan, requestedAt } = state.request
  const provisioned = 'provisioned' in state ? state.provisioned : undefined
  const release = releaseNameOf(storeId)
  return {
    id: storeId,
    tenant_id: tenantId,
    name,
    engine,
    plan,
    status: state.status,
    url: provisioned?.url ?? null,
    release,
    namespace: release,
    attempt: state.attempt,
    failure: failureOf(state) ?? null,
    created_at: requestedAt,
    updated_at: updatedAt,
    deleted_at: state.status === 'deleted' ? state.deletedAt : null,
    revision: String(revision),
    position: String(position),
    state,
    chart_version: provisioned?.chartVersion ?? null,
    upgrade: upgradeOf(state),
  }
}

function upgradeOf(state: StoreState): StoreRow['upgrade'] {
  if (!('upgrade' in state)) return null
  const { plan, requestedAt } = state.upgrade
  return { plan, requestedAt }
}

/** The failure that ended the work, or the last one while another attempt is due. */
function failureOf(state: StoreState): Failure | undefined {
  if ('failure' in state) return state.failure
  return 'lastFailure' in state ? state.lastFailure : undefined
}
