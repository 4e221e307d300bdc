import { z } from 'zod'
import { amountOf } from './quantity.ts'

const amounts = z.record(z.string(), z.union([z.string(), z.number()]))
type Amounts = z.output<typeof amounts>

/** The spec of a ResourceQuota, as far as it bounds something. */
export const quotaSpec = z.looseObject({ hard: amounts.default({}) })
export type QuotaSpec = z.output<typeof quotaSpec>

const limitRangeItem = z.looseObject({ type: z.string(), max: amounts.optional() })

/** The spec of a LimitRange. */
export const limitRangeSpec = z.looseObject({ limits: z.array(limitRangeItem).default([]) })
export type LimitRangeSpec = z.output<typeof limitRangeSpec>

/** `wanted`, with every bound that is higher now: what runs keeps its room while it is replaced. */
export function widestQuota(now: QuotaSpec, wanted: QuotaSpec): QuotaSpec {
  return { ...wanted, hard: largest(now.hard, wanted.hard) }
}

/** The same of the largest that one container or volume may have. */
export function widestLimitRange(now: LimitRangeSpec, wanted: LimitRangeSpec): LimitRangeSpec {
  const limits = wanted.limits.map((item) => {
    const present = now.limits.find(({ type }) => type === item.type)?.max
    if (present === undefined || item.max === undefined) return item
    return { ...item, max: largest(present, item.max) }
  })
  return { ...wanted, limits }
}

// What only the older plan bounds is bounded no more, what only the newer one does is from now on.
function largest(now: Amounts, wanted: Amounts): Amounts {
  const each = Object.entries(wanted).map(([name, amount]) => {
    const present = now[name]
    return [name, present !== undefined && amountOf(present) > amountOf(amount) ? present : amount]
  })
  return Object.fromEntries(each)
}
