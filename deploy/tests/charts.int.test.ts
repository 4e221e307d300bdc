import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { containersOf, ofKind, podTemplateOf, type Manifest } from './rendering/manifest.ts'
import { namespaceLimits, podDemand } from './rendering/quota.ts'
import { quantity } from './rendering/quantity.ts'
import { lintChart, renderChart, renderText } from './rendering/render-chart.ts'
import { runHelm } from './rendering/run-helm.ts'
import { restrictedViolations } from './rendering/restricted.ts'
import { secretKeys } from './rendering/secret-keys.ts'
import { engines, matrix, storeValues } from './rendering/store-values.ts'
import { storeCharts } from '../../tests/support/store/store-charts.ts'
import { tempFolder } from '../../tests/support/temp-folder.ts'

describe.each(matrix)('$engine, plan $plan, route $routeName', ({ engine, plan, route }) => {
  const values = storeValues({ plan, route })
  const rendered = renderChart(engine, values)
  const pods = async () => (await rendered).flatMap((each) => podTemplateOf(each) ?? [])

  test('helm lint --strict finds nothing', async () => {
    await expect(lintChart(engine, values)).resolves.toContain('0 chart(s) failed')
  })

  test('every pod is restricted', async () => {
    expect((await pods()).flatMap(restrictedViolations)).toEqual([])
  })

  test('no pod gets a service account token', async () => {
    const mounts = (await pods()).map(({ spec }) => spec.automountServiceAccountToken)
    expect(new Set(mounts)).toEqual(new Set([false]))
  })

  test('the chart renders no Secret and uses exactly the keys it names', async () => {
    const manifests = await rendered
    expect(ofKind(manifests, 'Secret')).toEqual([])
    expect(secretKeysOf(manifests)).toEqual(await secretKeys(engine))
  })

  test('every object lies in the release namespace and carries the store', async () => {
    for (const { metadata } of await rendered) {
      expect(metadata.namespace).toBe('s-example')
      expect(metadata.name).toMatch(/^s-example-[a-z]+$/)
      expect(metadata.labels['storewright.dev/store']).toBe('3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11')
    }
  })

  test('the namespace admits the largest release in the middle of a roll-out', async () => {
    const { resourceQuota, limitRange } = await namespaceLimits(engine, plan)
    const manifests = await rendered
    const demand = { ...podDemand(manifests, 2), ...claimDemand(manifests) }
    for (const [resource, needed] of Object.entries(demand)) {
      const allowed = quantity(resourceQuota.hard[resource] ?? '0')
      expect.soft(allowed, `${resource} of ${plan} for ${engine}`).toBeGreaterThanOrEqual(needed)
    }
    const maxMemory = limitRange.limits.find(({ type }) => type === 'Container')?.max?.['memory']
    for (const { resources } of (await pods()).flatMap(containersOf)) {
      const limit = quantity(resources.limits['memory'] ?? '0')
      expect(limit).toBeLessThanOrEqual(quantity(maxMemory ?? '0'))
    }
  })

  test('a disruption budget stands exactly where several pods do', async () => {
    const manifests = await rendered
    const several = ofKind(manifests, 'Deployment')
      .filter(({ metadata, spec }) => replicasOf(manifests, metadata.name, spec) > 1)
      .map(({ metadata }) => metadata.name)
    const budgets = ofKind(manifests, 'PodDisruptionBudget').map(({ metadata }) => metadata.name)
    expect(budgets.toSorted()).toEqual(several.toSorted())
  })

  test('databases start in parallel and their claims outlive the release', async () => {
    const manifests = await rendered
    for (const { spec } of ofKind(manifests, 'StatefulSet')) {
      expect(spec).toMatchObject({ podManagementPolicy: 'Parallel', replicas: 1 })
      expect(spec).not.toHaveProperty('volumeClaimTemplates')
    }
    for (const { metadata } of ofKind(manifests, 'PersistentVolumeClaim'))
      expect(metadata.annotations['helm.sh/resource-policy']).toBe('keep')
  })
})

test.each(engines)('%s renders the same text twice', async (engine) => {
  const values = storeValues({ plan: 'large' })
  const [first, second] = await Promise.all([
    renderText(engine, values),
    renderText(engine, values),
  ])
  expect(second).toBe(first)
})

test('a change of plan changes no field of a claim but its size', async () => {
  for (const engine of engines) {
    const [small, large] = await Promise.all(
      ['small', 'large'].map(async (plan) => claimsWithoutSize(engine, plan)),
    )
    expect(large).toEqual(small)
  }
})

async function claimsWithoutSize(engine: string, plan: string) {
  const manifests = await renderChart(engine, storeValues({ plan }))
  return ofKind(manifests, 'PersistentVolumeClaim').map(({ metadata, spec }) => {
    const { resources: _, ...fixed } = { ...spec }
    return { name: metadata.name, fixed }
  })
}

test.for([
  ['medusa', { country: 'CH', currency: 'CHF' }, { STORE_COUNTRY: 'CH', STORE_CURRENCY: 'CHF' }],
  [
    'woocommerce',
    { timeZone: 'Europe/Zurich', locale: 'de_CH' },
    { STORE_TIME_ZONE: 'Europe/Zurich', STORE_LOCALE: 'de_CH' },
  ],
  ['medusa', {}, {}],
] as const)('the set-up of %s gets %o as data', async ([engine, parameters, expected]) => {
  const manifests = await renderChart(engine, storeValues({ parameters }))

  const containers = manifests.flatMap((each) => podTemplateOf(each) ?? []).flatMap(containersOf)
  const env = containers.find(({ name }) => name === 'set-up')?.env ?? []
  const given = env.filter(({ name }) => /^STORE_(COUNTRY|CURRENCY|TIME_ZONE|LOCALE)$/.test(name))
  expect(Object.fromEntries(given.map(({ name, value }) => [name, value]))).toEqual(expected)
})

test('a medusa chart that names its images elsewhere, in its first and its next version, is one helm takes', async () => {
  await using folder = await tempFolder('storewright-charts-')
  const imageOf = (name: string) => ({ reference: `elsewhere.invalid/${name}:1`, archive: '' })
  const images = {
    server: imageOf('server'),
    database: imageOf('database'),
    cache: imageOf('cache'),
  }
  const charts = await storeCharts(folder.path, images)
  const render = () =>
    runHelm({
      args: ['template', 's-example', `${charts.path}/medusa`, '--kube-version', '1.30.0'],
      values: storeValues(),
    })

  const first = await render()
  await charts.release('9.9.9')
  const next = await render()

  for (const { reference } of Object.values(images)) {
    expect(first).toContain(reference)
    expect(next).toContain(reference)
  }
  expect(next).toContain('9.9.9')
})

function claimDemand(manifests: Manifest[]): Record<string, number> {
  const claims = ofKind(manifests, 'PersistentVolumeClaim')
  const size = z.looseObject({
    resources: z.object({ requests: z.object({ storage: z.string() }) }),
  })
  const sizes = claims.map(({ spec }) => quantity(size.parse(spec).resources.requests.storage))
  return {
    persistentvolumeclaims: claims.length,
    'requests.storage': sizes.reduce((sum, each) => sum + each, 0),
  }
}

function replicasOf(manifests: Manifest[], name: string, spec: Manifest['spec']): number {
  const scaler = ofKind(manifests, 'HorizontalPodAutoscaler').find(
    ({ metadata }) => metadata.name === name,
  )
  return Number(scaler?.spec?.['minReplicas'] ?? spec?.['replicas'] ?? 1)
}

function secretKeysOf(manifests: Manifest[]): string[] {
  const keys = new Set<string>()
  const collect = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(collect)
    if (typeof node !== 'object' || node === null) return
    const reference = z
      .object({ name: z.literal('store-secret'), key: z.string() })
      .safeParse('secretKeyRef' in node ? node.secretKeyRef : undefined)
    if (reference.success) keys.add(reference.data.key)
    const volume = z
      .object({
        secretName: z.literal('store-secret'),
        items: z.array(z.object({ key: z.string() })),
      })
      .safeParse('secret' in node ? node.secret : undefined)
    if (volume.success) for (const { key } of volume.data.items) keys.add(key)
    Object.values(node).forEach(collect)
  }
  collect(manifests)
  return [...keys].toSorted()
}
