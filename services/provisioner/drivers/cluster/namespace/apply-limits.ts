import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { z } from 'zod'
import { AppError, engines, type StoreRequested } from '#domain'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { isConflict } from '../api/client.ts'
import { applyObject, createObject, findObject, type ObjectName } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { storeLabels } from './namespace.ts'
import {
  limitRangeSpec,
  type LimitRangeSpec,
  quotaSpec,
  type QuotaSpec,
  widestLimitRange,
  widestQuota,
} from './widest-limits.ts'

const NAME = 'plan'
const TRIES_MAX = 5

interface Keeping {
  target: Target
  lease: ClaimLease
  plan: PlanLimits
}

/**
 * Makes room for the plan before its objects are created, and takes none from those that run: of the older
 * and the newer limit the higher one applies. True when one is now above the plan's own. Throws CLAIM_LOST.
 */
export async function raiseLimits(cluster: Cluster, keeping: Keeping): Promise<boolean> {
  const { resourceQuota, limitRange } = keeping.plan
  const raised = await Promise.all([
    keep(cluster, keeping, quota(resourceQuota, widestQuota)),
    keep(cluster, keeping, range(limitRange, widestLimitRange)),
  ])
  return raised.includes(true)
}

/** Sets the limits of the plan, once everything that runs belongs to it. Throws CLAIM_LOST. */
export async function settleLimits(cluster: Cluster, keeping: Keeping): Promise<void> {
  const { resourceQuota, limitRange } = keeping.plan
  await Promise.all([
    keep(
      cluster,
      keeping,
      quota(resourceQuota, (_, wanted) => wanted),
    ),
    keep(
      cluster,
      keeping,
      range(limitRange, (_, wanted) => wanted),
    ),
  ])
}

interface Bound<Spec> {
  kind: ObjectName['kind']
  schema: z.ZodType<Spec>
  wanted: Spec
  choose: (now: Spec, wanted: Spec) => Spec
}

const quota = (wanted: QuotaSpec, choose: Bound<QuotaSpec>['choose']): Bound<QuotaSpec> => ({
  kind: 'ResourceQuota',
  schema: quotaSpec,
  wanted,
  choose,
})

const range = (
  wanted: LimitRangeSpec,
  choose: Bound<LimitRangeSpec>['choose'],
): Bound<LimitRangeSpec> => ({ kind: 'LimitRange', schema: limitRangeSpec, wanted, choose })

/**
 * Limits differ between attempts, so a worker that thaws late must not write outdated ones: reads, then
 * confirms the claim, then writes only if the object is still what was read.
 */
async function keep<Spec extends object>(
  { api }: Cluster,
  { target, lease }: Keeping,
  { kind, schema, wanted, choose }: Bound<Spec>,
): Promise<boolean> {
  const object = { kind, namespace: target.release, name: NAME }
  const labels = storeLabels(target)
  const found = z.object({ metadata: z.object({ resourceVersion: z.string() }), spec: schema })
  for (let tries = 1; ; tries++) {
    const now = await findObject(api, object, found)
    await lease.confirm()
    try {
      if (now === undefined) {
        const made = await createObject(api, object, { metadata: { labels }, spec: wanted })
        if (made !== undefined) return false
        continue
      }
      const spec = choose(now.spec, wanted)
      const { resourceVersion } = now.metadata
      await applyObject(api, object, { metadata: { labels, resourceVersion }, spec })
      return JSON.stringify(spec) !== JSON.stringify(wanted)
    } catch (error) {
      if (tries === TRIES_MAX || !isConflict(error)) throw error
    }
  }
}

const limits = z.object({ resourceQuota: quotaSpec, limitRange: limitRangeSpec })
const plan = z.record(z.enum(engines), limits)

type PlanLimits = z.output<typeof limits>

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
