import { expect, test } from 'vitest'
import { z } from 'zod'
import { ofKind, podTemplateOf } from './rendering/manifest.ts'
import { lintChart, renderChart, renderText } from './rendering/render-chart.ts'
import { restrictedViolations } from './rendering/restricted.ts'

const values = {
  existingSecret: 'addresses',
  authentication: { issuer: 'https://x/', audience: 'a', jwksUrl: 'https://x/jwks' },
  images: { registry: 'registry.example.com/storewright' },
  storesDomain: 'stores.example.com',
  stores: { route: { kind: 'external' } },
}
const ca = { name: 'ca', configMap: { name: 'ca' } }
const pod = {
  extraEnv: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
  extraVolumes: [ca],
  extraVolumeMounts: [{ name: 'ca', mountPath: '/ca' }],
  nodeSelector: { pool: 'platform' },
  tolerations: [{ key: 'platform', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
  ],
  priorityClassName: 'high',
  labels: { team: 'shops' },
  annotations: { note: 'x' },
}

test('what is said of every pod is in every pod, and what is said of one replaces it there', async () => {
  const pods = {
    relay: { nodeSelector: { pool: 'other' }, serviceAccountAnnotations: { role: 'relay' } },
  }
  const manifests = await renderChart('storewright', { ...values, pod, pods })
  for (const deployment of ofKind(manifests, 'Deployment')) {
    const template = podTemplateOf(deployment)
    const isRelay = deployment.metadata.name.endsWith('-relay')
    expect(template).toMatchObject({
      metadata: { labels: pod.labels, annotations: pod.annotations },
      spec: {
        nodeSelector: isRelay ? { pool: 'other' } : pod.nodeSelector,
        tolerations: pod.tolerations,
        affinity: pod.affinity,
        topologySpreadConstraints: pod.topologySpreadConstraints,
        priorityClassName: 'high',
        volumes: expect.arrayContaining([ca]),
        containers: [
          {
            env: expect.arrayContaining(pod.extraEnv),
            volumeMounts: expect.arrayContaining(pod.extraVolumeMounts),
          },
        ],
      },
    })
    expect(template && restrictedViolations(template)).toEqual([])
  }
  const accounts = ofKind(manifests, 'ServiceAccount')
  const annotated = accounts.filter(({ metadata }) => metadata.annotations['role'] === 'relay')
  expect(annotated.map(({ metadata }) => metadata.name)).toEqual(['s-example-relay'])
})

test('helm lint --strict finds nothing in the platform with everything set', async () => {
  const monitoring = { kind: 'serviceMonitor', labels: { release: 'prometheus' } }
  const report = await lintChart('storewright', {
    ...values,
    pod,
    monitoring,
    commonLabels: { team: 'shops' },
    settings: { RATE_LIMIT_PER_MINUTE: 600 },
  })
  expect(report).toContain('0 chart(s) failed')
})

test('parts outside the cluster are reached by their addresses, and every service by the rules given besides', async () => {
  const extraEgress = [{ to: [{ namespaceSelector: {} }], ports: [{ port: 8443 }] }]
  const database = { namespace: '', cidrs: ['203.0.113.7/32'], port: 5433 }
  const network = { database, extraEgress, issuerPorts: [443, 8443] }
  const manifests = await renderChart('storewright', { ...values, network })
  const egressOf = (service: string) =>
    ofKind(manifests, 'NetworkPolicy').find(({ metadata }) => metadata.name.endsWith(service))
      ?.spec?.['egress']
  for (const service of ['command-api', 'query-api', 'projector', 'provisioner'])
    expect(egressOf(service)).toContainEqual({
      to: [{ ipBlock: { cidr: '203.0.113.7/32' } }],
      ports: [{ protocol: 'TCP', port: 5433 }],
    })
  for (const service of ['command-api', 'relay'])
    expect(egressOf(service)).toEqual(expect.arrayContaining(extraEgress))
  expect(egressOf('command-api')).toContainEqual({
    to: [{ ipBlock: { cidr: '0.0.0.0/0' } }],
    ports: [443, 8443].map((port) => ({ protocol: 'TCP', port })),
  })
})

test('where policies are switched off, there is none', async () => {
  const manifests = await renderChart('storewright', { ...values, network: { policies: false } })
  expect(ofKind(manifests, 'NetworkPolicy')).toEqual([])
})

const scaled = z.object({ replicas: z.int() })

test('an API that is scaled by itself starts with as many pods as it has at least', async () => {
  const replicas = { 'command-api': 3 }
  const autoscaling = { enabled: true }
  const manifests = await renderChart('storewright', { ...values, replicas, autoscaling })
  const counts = ofKind(manifests, 'Deployment').map(({ metadata, spec }) => [
    metadata.name,
    scaled.parse(spec).replicas,
  ])
  expect(Object.fromEntries(counts)).toMatchObject({
    's-example-command-api': 3,
    's-example-query-api': 2,
  })
})

test('a setting reaches the services that know it, and no other', async () => {
  const settings = { EVENTSTORE_TIMEOUT_MS: 4_000, CORS_ORIGINS: 'https://panel.example' }
  const manifests = await renderChart('storewright', { ...values, settings })
  const given = ofKind(manifests, 'Deployment').map((deployment) => {
    const [container] = podTemplateOf(deployment)?.spec.containers ?? []
    const env = (container?.env ?? []).filter(({ name }) => name in settings)
    return [deployment.metadata.name, env.map(({ name, value }) => `${name}=${value}`).toSorted()]
  })
  const both = ['CORS_ORIGINS=https://panel.example', 'EVENTSTORE_TIMEOUT_MS=4000']
  expect(Object.fromEntries(given)).toEqual({
    's-example-command-api': both,
    's-example-query-api': both,
    's-example-projector': [],
    's-example-relay': [],
    's-example-provisioner': [],
  })
  await expect(
    renderText('storewright', { ...values, settings: { NO_SUCH: '1' } }),
  ).rejects.toThrow(/NO_SUCH/)
})

test.each([
  ['serviceMonitor', 'ServiceMonitor', 'endpoints'],
  ['podMonitor', 'PodMonitor', 'podMetricsEndpoints'],
])('with %s, Prometheus is told where the metrics are', async (kind, object, field) => {
  const monitoring = { kind, labels: { release: 'prometheus' } }
  const [monitor] = ofKind(await renderChart('storewright', { ...values, monitoring }), object)
  expect(monitor).toMatchObject({
    metadata: { labels: { release: 'prometheus' } },
    spec: { [field]: [{ port: 'http', path: '/metrics', interval: '30s' }] },
  })
})

test('helm test asks both APIs from a restricted pod that the policies let through', async () => {
  const manifests = await renderChart('storewright', values)
  const [testPod] = ofKind(manifests, 'Pod')
  expect(testPod?.metadata.annotations['helm.sh/hook']).toBe('test')
  const template = testPod && podTemplateOf(testPod)
  expect(template && restrictedViolations(template)).toEqual([])
  const policies = ofKind(manifests, 'NetworkPolicy')
  for (const service of ['command-api', 'query-api']) {
    const policy = policies.find(({ metadata }) => metadata.name === `s-example-${service}`)
    expect(JSON.stringify(policy?.spec?.['ingress'])).toContain(
      '"app.kubernetes.io/component":"test"',
    )
  }
})
