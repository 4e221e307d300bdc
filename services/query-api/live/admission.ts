import { AppError } from '#domain'

/** Counts what each tenant holds open; the function it returns admits one more and returns its end. Throws RATE_LIMITED. */
export function admission({ perTenantMax }: { perTenantMax: number }) {
  const open = new Map<string, number>()
  return (tenantId: string): (() => void) => {
    const count = open.get(tenantId) ?? 0
    if (count >= perTenantMax)
      throw new AppError('RATE_LIMITED', `At most ${perTenantMax} streams at the same time`, {
        retryable: true,
      })
    open.set(tenantId, count + 1)
    return () => {
      const left = (open.get(tenantId) ?? 1) - 1
      if (left === 0) open.delete(tenantId)
      else open.set(tenantId, left)
    }
  }
}
