import type { StoreProjection } from './store-projection.ts'

/** A change of one counter. */
export interface CountChange {
  tenant_id: string
  engine: string
  status: string
  change: number
}

/** How the counters change when stores go from one projection to the next; unchanged counters are left out. */
export function countChanges(
  steps: Iterable<{ before: StoreProjection | undefined; after: StoreProjection }>,
): CountChange[] {
  const changes = new Map<string, CountChange>()
  const add = ({ state }: StoreProjection, by: number) => {
    const { tenantId: tenant_id, engine } = state.request
    const key = JSON.stringify([tenant_id, engine, state.status])
    const change = changes.get(key) ?? { tenant_id, engine, status: state.status, change: 0 }
    change.change += by
    changes.set(key, change)
  }
  for (const { before, after } of steps) {
    if (before !== undefined) add(before, -1)
    add(after, 1)
  }
  return [...changes.values()].filter(({ change }) => change !== 0)
}
