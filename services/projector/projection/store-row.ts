import { type StoreView, storeViewOf } from '#contracts'
import type { StoreProjection } from './store-projection.ts'

/** A row of `stores`, as JSON carries it to Postgres. */
export interface StoreRow {
  id: string
  /** Queries filter by these, or sort by them. */
  tenant_id: string
  name: string
  engine: string
  status: string
  created_at: string
  updated_at: string
  revision: string
  position: string
  /** What the API shows. */
  view: StoreView
  /** The fold, so that it can go on. */
  state: StoreProjection['state']
}

/** The row of a store; every column follows from the projection alone. */
export function storeRow({ state, revision, position, updatedAt }: StoreProjection): StoreRow {
  const { storeId, tenantId, name, engine, requestedAt } = state.request
  return {
    id: storeId,
    tenant_id: tenantId,
    name,
    engine,
    status: state.status,
    created_at: requestedAt,
    updated_at: updatedAt,
    revision: String(revision),
    position: String(position),
    view: storeViewOf(state, { updatedAt, revision }),
    state,
  }
}
