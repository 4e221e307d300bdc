import { expect, test } from 'vitest'
import type { Target } from '../../../reconcile/driver.ts'
import { deployArgs, uninstallArgs } from './deploy.ts'
import { releaseLabelsOf } from './observe.ts'

const target: Target = {
  request: {
    storeId: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11',
    tenantId: 'demo',
    name: 'Shop',
    engine: 'medusa',
    plan: 'small',
    fingerprint: '',
    requestedAt: '2026-01-01T00:00:00.000Z',
  },
  release: 's-x',
  chart: { name: 'medusa', version: '1.0.0', path: '/charts/medusa', digest: 'c'.repeat(64) },
  values: {
    yaml: '',
    digest: 'v'.repeat(64),
    host: 'x',
    url: 'https://x',
    route: { kind: 'external' },
    adminEmail: 'admin@x',
    secrets: [],
  },
}
const lease = {
  attempt: 3,
  claimId: 'claim',
  signal: AbortSignal.abort(),
  deadline: () => 0n,
  confirm: () => Promise.resolve(),
}
const files = { kubeconfig: '/k', values: '/v' }

test('helm is told everything by file and label, and nothing of it can be taken for an option', () => {
  const args = deployArgs(target, lease, { files, limitMs: 540_000 })

  expect(args.slice(0, 2)).toEqual(['upgrade', '--install'])
  expect(args.slice(-3)).toEqual(['--', 's-x', '/charts/medusa'])
  expect(args).toEqual(expect.arrayContaining(['--reset-values', '--wait', '--values', '/v']))
  expect(args[args.indexOf('--timeout') + 1]).toBe('480s')
  expect(args.join(' ')).not.toMatch(/--set|--debug|--create-namespace|rollback/)
  expect(uninstallArgs(target, '/k', 9_000).slice(-2)).toEqual(['--', 's-x'])
})

test('labels fit in what Kubernetes allows and give back the digests they were made from', () => {
  const args = deployArgs(target, lease, { files, limitMs: 9_000 })
  const pairs = (args[args.indexOf('--labels') + 1] ?? '').split(',').map((one) => one.split('='))
  const labels: Record<string, string> = Object.fromEntries(pairs)

  expect(Object.values(labels).every((value) => value.length <= 63)).toBe(true)
  expect(releaseLabelsOf(labels, target)).toEqual({
    store: target.request.storeId,
    attempt: 3,
    claim: 'claim',
    values: target.values.digest,
    chart: target.chart.digest,
  })
})

test('labels of something else are never taken for the wanted ones', () => {
  const labels = { 'cp.values': 'v'.repeat(62), 'cp.chart': '' }

  expect(releaseLabelsOf(labels, target)).toMatchObject({ values: 'v'.repeat(62), chart: '' })
})
