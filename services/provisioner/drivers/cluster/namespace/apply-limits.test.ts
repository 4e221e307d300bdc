import { engines, plans, type StoreRequested } from '#domain'
import { expect, test } from 'vitest'
import { planLimits } from './apply-limits.ts'

const plansDir = new URL('../../../../../deploy/plans', import.meta.url).pathname
const request: StoreRequested = {
  storeId: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11',
  tenantId: 'demo',
  name: 'Shop',
  engine: 'medusa',
  plan: 'small',
  fingerprint: '',
  requestedAt: '2026-01-01T00:00:00.000Z',
}

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
