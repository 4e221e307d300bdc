import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, type StoreRequested } from '#domain'
import { load } from 'js-yaml'
import { z } from 'zod'
import { limitRangeSpec, quotaSpec } from './widest.ts'

const limits = z.object({ resourceQuota: quotaSpec, limitRange: limitRangeSpec })
const plan = z.object({ medusa: limits, woocommerce: limits })

export type PlanLimits = z.output<typeof limits>

/** What a store of this engine may use on this plan: specs of a ResourceQuota and a LimitRange. Throws CHART_INVALID. */
export async function planLimits(
  plansDir: string,
  { engine, plan: name }: StoreRequested,
): Promise<PlanLimits> {
  const file = join(plansDir, `${name}.yaml`)
  try {
    return plan.parse(load(await readFile(file, 'utf8')))[engine]
  } catch (cause) {
    const message = `The plan ${file} cannot be read`
    throw new AppError('CHART_INVALID', message, { cause, retryable: true })
  }
}
