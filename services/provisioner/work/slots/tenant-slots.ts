/** How many slots of this process each tenant has. */
export interface TenantSlots {
  /** A slot for the tenant, or undefined when it has as many as one may. Disposing gives it back. */
  take: (tenantId: string) => Disposable | undefined
}

/** Leaves room for others: one tenant with many stores does not hold every slot. */
export function tenantSlots(slotsMax: number): TenantSlots {
  const taken = new Map<string, number>()
  const change = (tenantId: string, by: number) => {
    const left = (taken.get(tenantId) ?? 0) + by
    if (left > 0) taken.set(tenantId, left)
    else taken.delete(tenantId)
  }
  return {
    take: (tenantId) => {
      if ((taken.get(tenantId) ?? 0) >= slotsMax) return undefined
      change(tenantId, 1)
      return { [Symbol.dispose]: () => change(tenantId, -1) }
    },
  }
}
