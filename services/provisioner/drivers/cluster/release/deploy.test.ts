import { sampleTarget as target } from '#test/provisioner/sample-target'
import { expect, test } from 'vitest'
import { deployArgs, uninstallArgs } from './deploy.ts'
import { releaseLabelsOf } from './observe.ts'

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
