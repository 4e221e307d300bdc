import { z } from 'zod'

const amounts = z.record(z.string(), z.union([z.string(), z.number()]))
type Amounts = z.output<typeof amounts>

/** The spec of a ResourceQuota, as far as it limits something. */
export const quotaSpec = z.looseObject({ hard: amounts.default({}) })
export type QuotaSpec = z.output<typeof quotaSpec>

const limitRangeItem = z.looseObject({ type: z.string(), max: amounts.optional() })

/** The spec of a LimitRange. */
export const limitRangeSpec = z.looseObject({ limits: z.array(limitRangeItem).default([]) })
export type LimitRangeSpec = z.output<typeof limitRangeSpec>

/** `wanted`, with every limit that is higher now: what runs keeps its room while it is replaced. */
export function widestQuota(now: QuotaSpec, wanted: QuotaSpec): QuotaSpec {
  return { ...wanted, hard: largest(now.hard, wanted.hard) }
}

/** The same for the maximum of one container or volume. */
export function widestLimitRange(now: LimitRangeSpec, wanted: LimitRangeSpec): LimitRangeSpec {
  const limits = wanted.limits.map((item) => {
    const present = now.limits.find(({ type }) => type === item.type)?.max
    if (present === undefined || item.max === undefined) return item
    return { ...item, max: largest(present, item.max) }
  })
  return { ...wanted, limits }
}

// A limit of the older plan alone is dropped; one of the newer plan alone applies from now on.
function largest(now: Amounts, wanted: Amounts): Amounts {
  const each = Object.entries(wanted).map(([name, amount]) => {
    const present = now[name]
    return [name, present !== undefined && amountOf(present) > amountOf(amount) ? present : amount]
  })
  return Object.fromEntries(each)
}

const factors: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A Kubernetes quantity in cores, bytes or pieces. Throws for any other text. */
export function amountOf(quantity: string | number): number {
  const [, digits, suffix = ''] = /^([\d.]+(?:e\d+)?)([A-Za-z]*)$/.exec(String(quantity)) ?? []
  const factor = factors[suffix]
  if (digits === undefined || factor === undefined || Number.isNaN(Number(digits)))
    throw new Error(`${quantity} is not a quantity`)
  return Number(digits) * factor
}
