import { engines, plans } from '#domain'
import { sampleTarget } from '#test/provisioner/sample-target'
import { expect, test } from 'vitest'
import { planLimits } from './apply-limits.ts'

const plansDir = new URL('../../../../../deploy/plans', import.meta.url).pathname
const { request } = sampleTarget

test.each(plans.flatMap((plan) => engines.map((engine) => ({ plan, engine }))))(
  'plan $plan limits a namespace of $engine',
  async (change) => {
    const { resourceQuota, limitRange } = await planLimits(plansDir, { ...request, ...change })
    expect(resourceQuota).toHaveProperty('hard.pods')
    expect(limitRange).toHaveProperty('limits')
  },
)

test('a plan that cannot be read fails the attempt by name', async () => {
  await expect(planLimits('/nowhere', request)).rejects.toMatchObject({
    code: 'CHART_INVALID',
    message: 'The plan /nowhere/small.yaml cannot be read',
  })
})
