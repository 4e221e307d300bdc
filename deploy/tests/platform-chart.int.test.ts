import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { tempFolder } from '#test/temp-folder'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ofKind, podTemplateOf, type Manifest } from './rendering/manifest.ts'
import { parseWith } from './service-config.ts'
import { lintChart, renderChart, renderText } from './rendering/render-chart.ts'
import { installationValues } from '../../services/provisioner/installation.ts'
import { chartFile } from './rendering/chart-file.ts'
import { restrictedViolations } from './rendering/restricted.ts'

const services = ['command-api', 'query-api', 'projector', 'relay', 'provisioner']
const values = {
  existingSecret: 'addresses',
  images: { registry: 'registry.example.com/storewright' },
  storesDomain: 'stores.example.com',
  stores: { route: { kind: 'none' } },
  authentication: {
    issuer: 'https://login.example.com/',
    audience: 'storewright',
    jwksUrl: 'https://login.example.com/jwks.json',
  },
}
const addresses: Record<string, string | undefined> = {
  EVENTSTORE_URL: 'esdb://eventstore:2113?tls=true',
  NATS_URL: 'tls://nats:4222',
  DATABASE_URL: 'postgres://storewright@postgres/storewright',
  OPERATOR_KEY: '0123456789abcdef0123456789abcdef',
  AUDIT_SIGNING_KEY: generateKeyPairSync('ed25519')
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString(),
}
const parentRefs = [{ name: 'public', namespace: 'gateway-system' }]
const rules = z.array(
  z.object({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    resourceNames: z.array(z.string()).optional(),
    verbs: z.array(z.string()),
  }),
)
const rendered = renderChart('storewright', values)

test.each([
  ['as it is', {}],
  ['scaled by itself', { autoscaling: { enabled: true } }],
  ['with a route', { route: { kind: 'httpRoute', host: 'api.example.com', parentRefs } }],
  ['with an Ingress', { route: { kind: 'ingress', host: 'api.example.com' } }],
  ['with a doctor', { doctor: { enabled: true } }],
])('helm lint --strict finds nothing in the platform %s', async (_, changes) => {
  const report = await lintChart('storewright', { ...values, ...changes })
  expect(report).toContain('0 chart(s) failed')
})

test('the platform renders the same text twice', async () => {
  expect(await renderText('storewright', values)).toBe(await renderText('storewright', values))
})

describe.each(services)('%s', (service) => {
  const deployment = async () => named(await rendered, 'Deployment', service)
  const pod = async () => podTemplateOf(await deployment())

  test('is one deployment of restricted pods with an account of its own', async () => {
    const template = await pod()
    expect(template && restrictedViolations(template)).toEqual([])
    expect(template?.spec['serviceAccountName']).toBe(`s-example-${service}`)
    expect(named(await rendered, 'ServiceAccount', service)).toBeDefined()
  })

  test('starts as the first process and is asked for its health', async () => {
    const [container] = (await pod())?.spec.containers ?? []
    expect(container?.command).toEqual(['node', `services/${service}/main.ts`])
    expect(container).toMatchObject({
      readinessProbe: { httpGet: { path: '/health/ready' } },
      livenessProbe: { httpGet: { path: '/health/live' } },
    })
  })

  test('gets an environment the service accepts', async () => {
    const [container] = (await pod())?.spec.containers ?? []
    const isProvisioner = service === 'provisioner'
    await using folder = await tempFolder()
    const file = join(folder.path, 'stores.yaml')
    await writeFile(file, storesFileOf(await rendered))
    const mounted: typeof addresses = {
      ...addresses,
      ...(isProvisioner && { STORE_VALUES_FILE: file }),
    }
    const given = (container?.env ?? []).map(({ name, value }) => [
      name,
      mounted[name] ?? value ?? 'from-the-pod',
    ])
    const environment = z.record(z.string(), z.string()).parse(Object.fromEntries(given))
    expect(environment['DRIVER']).toBe(isProvisioner ? 'cluster' : undefined)
    await expect(parseWith(service, environment)).resolves.toMatchObject({ HOST: '0.0.0.0' })
  })

  test('survives the loss of a node one pod at a time', async () => {
    const budget = named(await rendered, 'PodDisruptionBudget', service)
    expect(budget.spec).toMatchObject({ maxUnavailable: 1 })
  })

  test('may talk to what it needs and to nothing else', async () => {
    const policy = named(await rendered, 'NetworkPolicy', service)
    expect(policy.spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] })
    const allowed = JSON.stringify(policy.spec?.['egress'])
    const [container] = (await pod())?.spec.containers ?? []
    const needs = (variable: string) => container?.env.some(({ name }) => name === variable)
    expect(allowed.includes('"port":2113')).toBe(needs('EVENTSTORE_URL') ?? false)
    expect(allowed.includes('"port":4222')).toBe(needs('NATS_URL') ?? false)
    expect(allowed.includes('"port":5432')).toBe(needs('DATABASE_URL') ?? false)
  })
})

test('what is said of all stores reaches the provisioner as it reads it, and only it', async () => {
  const stores = {
    route: { kind: 'ingress', className: 'nginx', tlsSecret: 'wildcard' },
    imagePullSecrets: [{ name: 'pull' }],
    storage: { uploadsAccessMode: 'ReadWriteMany' },
    woocommerce: { mail: { host: 'smtp.example.com', existingSecret: 'smtp' } },
  }
  const manifests = await renderChart('storewright', { ...values, stores })
  expect(installationValues.parse(load(storesFileOf(manifests)))).toEqual({
    ...stores,
    imageRegistry: 'registry.example.com/storewright',
    network: { clientNamespaces: ['gateway-system'], dnsCidrs: [] },
  })
  const mounts = services.map((service) => mountsOf(named(manifests, 'Deployment', service)))
  expect(mounts.slice(0, -1)).toEqual(Array.from({ length: 4 }, () => ['/tmp']))
  expect(mounts.at(-1)).toEqual([
    '/tmp',
    '/etc/storewright/stores',
    '/etc/storewright/secrets/pull',
    '/etc/storewright/secrets/smtp',
    '/etc/storewright/secrets/wildcard',
  ])
})

test('what an installation has to decide is asked for by name', async () => {
  // helm names the places in any order.
  const refusal = await renderText('storewright', {}).catch(String)

  expect(refusal).toContain("missing properties 'existingSecret', 'authentication', 'storesDomain'")
  expect(refusal).toContain("'/images': missing property 'registry'")
  expect(refusal).toContain("'/stores': missing property 'route'")
})

test("images are those of the chart's version unless another is named", async () => {
  const imagesOf = async (images: object) => {
    const manifests = await renderChart('storewright', { ...values, images })
    const pods = ['relay', 'provisioner'].map((service) =>
      podTemplateOf(named(manifests, 'Deployment', service)),
    )
    return pods.map((pod) => pod?.spec.containers[0]?.image)
  }
  const registry = 'registry.example.com/storewright'
  const other = `other.example.com/services@sha256:${'0'.repeat(64)}`
  const { appVersion } = await chartFile('storewright')
  expect(await imagesOf({ registry })).toEqual([
    `${registry}/services:${appVersion}`,
    `${registry}/provisioner:${appVersion}`,
  ])
  expect(await imagesOf({ registry, tag: 'next', services: other })).toEqual([
    other,
    `${registry}/provisioner:next`,
  ])
})

test('only the provisioner gets a token of the cluster', async () => {
  const withToken = ofKind(await rendered, 'Deployment').filter(
    (each) => podTemplateOf(each)?.spec.automountServiceAccountToken !== false,
  )
  expect(withToken.map(({ metadata }) => metadata.name)).toEqual(['s-example-provisioner'])
})

test('in the whole cluster the provisioner reads no secret and grants two roles at most', async () => {
  const bindings = ofKind(await rendered, 'ClusterRoleBinding')
  expect(bindings.map(({ metadata }) => metadata.name)).toEqual(['s-example-provisioner'])
  const role = rulesOf(named(await rendered, 'ClusterRole', 'provisioner'))
  expect(role.flatMap(({ resources }) => resources).toSorted()).toEqual([
    'clusterroles',
    'namespaces',
    'persistentvolumes',
    'rolebindings',
  ])
  const bind = role.filter(({ verbs }) => verbs.includes('bind'))
  expect(bind.map(({ resourceNames }) => resourceNames)).toEqual([
    ['edit', 's-example-store-namespace'],
  ])
})

test('no role has a wildcard, escalates or impersonates', async () => {
  const all = ofKind(await rendered, 'ClusterRole').flatMap(rulesOf)
  const words = all.flatMap(({ apiGroups, resources, verbs }) =>
    [apiGroups, resources, verbs].flat(),
  )
  for (const forbidden of ['*', 'escalate', 'impersonate', 'deletecollection'])
    expect(words).not.toContain(forbidden)
})

test('the platform renders no Secret, and refuses keys it does not know', async () => {
  expect(ofKind(await rendered, 'Secret')).toEqual([])
  const wrong = [{ secrets: {} }, { authentication: { issuer: 'x' } }, { replicas: { api: 2 } }]
  for (const changes of wrong)
    await expect(renderText('storewright', { ...values, ...changes })).rejects.toThrow(/schema/)
})

test('with API keys the platform needs no issuer', async () => {
  const authentication = { kinds: 'keys', operatorKeySha256: 'a'.repeat(64) }
  const text = await renderText('storewright', { ...values, authentication: null }).catch(String)
  expect(text).toMatch(/authentication/)
  const keyed = await renderText('storewright', { ...values, authentication })
  expect(keyed).toContain('{name: AUTH, value: "keys"}')
  expect(keyed).toContain(`{name: OPERATOR_KEY_SHA256, value: "${'a'.repeat(64)}"}`)
  expect(keyed).not.toContain('AUTH_ISSUER')
})

test('reading goes to the query API and everything else to the command API', async () => {
  const route = { kind: 'httpRoute', host: 'api.example.com', parentRefs }
  const [httpRoute] = ofKind(await renderChart('storewright', { ...values, route }), 'HTTPRoute')
  expect(httpRoute?.spec?.['rules']).toMatchObject([
    { matches: reading, backendRefs: [{ name: 's-example-query-api' }] },
    { backendRefs: [{ name: 's-example-command-api' }] },
  ])
})

const reading = ['GET', 'HEAD'].flatMap((method) =>
  ['/api', '/docs', '/openapi.json'].map((value) => ({
    method,
    path: { type: 'PathPrefix', value },
  })),
)

describe('with an Ingress', () => {
  const withIngress = (route: object = {}, settings: object = {}) =>
    renderChart('storewright', {
      ...values,
      settings,
      route: { kind: 'ingress', host: 'api.example.com', ...route },
    })

  test('every request goes to Caddy, which knows both APIs and runs without rights', async () => {
    const manifests = await withIngress()
    const ingresses = ofKind(manifests, 'Ingress')
    expect(ingresses.map(({ spec }) => spec)).toEqual([
      {
        tls: [{ hosts: ['api.example.com'] }],
        rules: [
          {
            host: 'api.example.com',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 's-example-front', port: { name: 'http' } } },
                },
              ],
            },
          },
        ],
      },
    ])
    const template = podTemplateOf(named(manifests, 'Deployment', 'front'))
    expect(template && restrictedViolations(template)).toEqual(['front: capabilities'])
    expect(template?.spec.containers).toMatchObject([
      {
        // What Pod Security "restricted" lets a container add, and the only thing.
        securityContext: { capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] } },
        env: expect.arrayContaining([
          { name: 'QUERY_API', value: 's-example-query-api:80' },
          { name: 'COMMAND_API', value: 's-example-command-api:80' },
        ]),
      },
    ])
  })

  test('Caddy believes the proxies that the services believe', async () => {
    const TRUSTED_PROXIES = 'loopback,10.42.0.0/16'
    const manifests = await withIngress({}, { TRUSTED_PROXIES })
    const trustedBy = (name: string) =>
      podTemplateOf(named(manifests, 'Deployment', name))?.spec.containers[0]?.env.find(
        (variable) => variable.name === 'TRUSTED_PROXIES',
      )?.value
    expect(trustedBy('front')).toBe('127.0.0.0/8 ::1 10.42.0.0/16')
    expect(trustedBy('command-api')).toBe(TRUSTED_PROXIES)
  })

  test('Caddy reaches the two APIs, and clients reach Caddy', async () => {
    const manifests = await withIngress()
    const policies = ['front', 'query-api', 'command-api'].map((name) =>
      JSON.stringify(named(manifests, 'NetworkPolicy', name).spec),
    )
    const component = (name: string) => `"app.kubernetes.io/component":"${name}"`
    expect(policies[0]).toContain(component('query-api'))
    expect(policies[0]).toContain(component('command-api'))
    expect(policies[0]).toContain('gateway-system')
    expect(policies[1]).toContain(component('front'))
    expect(policies[2]).toContain(component('front'))
  })

  test('a certificate is an own one, or cert-manager makes it, and never both', async () => {
    const own = await withIngress({ tlsSecret: 'api', className: 'nginx' })
    const made = await withIngress({ clusterIssuer: 'letsencrypt', annotations: { a: 'b' } })
    expect(ofKind(own, 'Ingress')[0]?.spec).toMatchObject({
      ingressClassName: 'nginx',
      tls: [{ secretName: 'api' }],
    })
    const [ingress] = ofKind(made, 'Ingress')
    expect(ingress?.spec).toMatchObject({ tls: [{ secretName: 's-example-api-tls' }] })
    expect(ingress?.metadata.annotations).toEqual({
      'cert-manager.io/cluster-issuer': 'letsencrypt',
      a: 'b',
    })
    const both = withIngress({ tlsSecret: 'api', clusterIssuer: 'letsencrypt' })
    await expect(both).rejects.toThrow(/schema/)
  })
})

test('only the account of the doctor may list Secrets, and nothing of it is there unasked', async () => {
  expect(ofKind(await rendered, 'CronJob')).toEqual([])
  const manifests = await renderChart('storewright', { ...values, doctor: { enabled: true } })
  const [job] = ofKind(manifests, 'CronJob')
  const { jobTemplate } = z
    .object({ jobTemplate: z.object({ spec: z.object({ template: z.looseObject({}) }) }) })
    .parse(job?.spec)
  const pod = podTemplateOf({ ...named(manifests, 'Deployment', 'relay'), spec: jobTemplate.spec })
  expect(pod && restrictedViolations(pod)).toEqual([])
  expect(pod?.spec).toMatchObject({
    serviceAccountName: 's-example-doctor',
    containers: [{ command: ['node', 'services/provisioner/doctor/main.ts'] }],
  })
  expect(rulesOf(named(manifests, 'ClusterRole', 'doctor'))).toEqual([
    { apiGroups: [''], resources: ['namespaces', 'secrets'], verbs: ['list'] },
  ])
  const { subjects } = named(manifests, 'ClusterRoleBinding', 'doctor')
  expect(subjects).toMatchObject([{ name: 's-example-doctor' }])
})

function named(manifests: Manifest[], kind: string, service: string): Manifest {
  const name = `s-example-${service}`
  const found = ofKind(manifests, kind).find(({ metadata }) => metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}

function storesFileOf(manifests: Manifest[]): string {
  const data = z.object({ 'stores.yaml': z.string() })
  return data.parse(named(manifests, 'ConfigMap', 'stores')['data'])['stores.yaml']
}

const mounted = z.object({ volumeMounts: z.array(z.object({ mountPath: z.string() })) })

function mountsOf(deployment: Manifest): string[] {
  const [container] = podTemplateOf(deployment)?.spec.containers ?? []
  return mounted.parse(container).volumeMounts.map(({ mountPath }) => mountPath)
}

function rulesOf(role: Manifest) {
  return rules.parse(role['rules'])
}
