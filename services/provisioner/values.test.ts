import type { StoreRequested } from '#domain'
import { assert, constantFrom, oneof, property, string } from 'fast-check'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { installationValues } from './installation.ts'
import { refuseUnsafeText, storeValues } from './values.ts'

const request: StoreRequested = {
  storeId: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11',
  tenantId: 'demo',
  name: 'Test Store',
  engine: 'medusa',
  plan: 'small',
  fingerprint: '',
  requestedAt: '2026-01-01T00:00:00.000Z',
}

test('the same request always gives the same bytes, without a secret', () => {
  const { yaml, digest, host } = storeValues(request, 's-abc', installation())
  expect(yaml).toBe(`existingSecret: 'store-secret'
host: 's-abc.stores.example.com'
plan: 'small'
store:
  id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11'
  name: 'Test Store'
  tenant: 'demo'
`)
  expect(host).toBe('s-abc.stores.example.com')
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
})

test('what a new shop is set up with goes into the values as data', () => {
  const parameters = { country: 'CH', currency: 'CHF' }
  const { yaml } = storeValues({ ...request, parameters }, 's-abc', installation())

  expect(load(yaml)).toMatchObject({ parameters })
})

const registry = 'registry.example.com/shops'
const everything = {
  route: {
    kind: 'ingress',
    className: 'nginx',
    clusterIssuer: 'letsencrypt',
    waitForAddress: true,
  },
  imageRegistry: registry,
  imagePullSecrets: [{ name: 'pull' }],
  network: { clientNamespaces: ['ingress-nginx'], dnsCidrs: ['10.96.0.10/32'] },
  storage: { databaseClass: 'fast', uploadsAccessMode: 'ReadWriteMany' },
  adminEmail: 'shops@example.com',
  medusa: { images: { database: 'registry.example.com/postgres:17' } },
  woocommerce: {
    mail: { host: 'smtp.example.com', from: 'shop@example.com', existingSecret: 'mail' },
  },
}

test('what the installation says of all stores is in the values of each, without what the other engine takes', () => {
  const { yaml, adminEmail, secrets } = storeValues(request, 's-abc', installation(everything))
  expect(load(yaml)).toEqual({
    existingSecret: 'store-secret',
    host: 's-abc.stores.example.com',
    plan: 'small',
    store: { id: request.storeId, name: 'Test Store', tenant: 'demo' },
    route: {
      kind: 'ingress',
      className: 'nginx',
      annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
      tlsSecret: 'store-tls',
    },
    images: { registry, database: 'registry.example.com/postgres:17' },
    imagePullSecrets: [{ name: 'pull' }],
    network: { clientNamespaces: ['ingress-nginx', 'shops'], dnsCidrs: ['10.96.0.10/32'] },
    storage: { databaseClass: 'fast', uploadsAccessMode: 'ReadWriteMany' },
  })
  expect({ adminEmail, secrets }).toEqual({ adminEmail: 'shops@example.com', secrets: ['pull'] })
  const shop = storeValues({ ...request, engine: 'woocommerce' }, 's-abc', installation(everything))
  expect(load(shop.yaml)).toMatchObject({ mail: everything.woocommerce.mail, images: { registry } })
  expect(shop.secrets).toEqual(['pull', 'mail'])
})

test('the order in which the installation names its values changes nothing', () => {
  const reversed = Object.fromEntries(Object.entries(everything).toReversed())
  expect(storeValues(request, 's-abc', installation(reversed)).digest).toBe(
    storeValues(request, 's-abc', installation(everything)).digest,
  )
})

test('other values of the installation are another digest', () => {
  const digests = [
    {},
    { imageRegistry: 'registry.example.com' },
    { route: { kind: 'ingress' } },
  ].map((values) => storeValues(request, 's-abc', installation(values)).digest)
  expect(new Set(digests).size).toBe(3)
})

test.each([
  [{ kind: 'none' }, 'http://s-abc-server.s-abc.svc'],
  [{ kind: 'external' }, 'https://s-abc.stores.example.com'],
  [{ kind: 'ingress' }, 'https://s-abc.stores.example.com'],
  [{ kind: 'httpRoute', parentRefs: [{ name: 'x' }] }, 'https://s-abc.stores.example.com'],
])('with route %j the store is said to answer at %s', (route, url) => {
  expect(storeValues(request, 's-abc', installation({ route })).url).toBe(url)
})

test('the smoke test gets into every store, whatever the namespace of the platform is called', () => {
  const { yaml } = storeValues(request, 's-abc', { ...installation(), platformNamespace: 'shops' })
  expect(load(yaml)).toMatchObject({
    network: { clientNamespaces: ['gateway-system', 'shops'] },
  })
})

test('any text that is not refused is read back as the very same text and nothing else', () => {
  const text = oneof(string({ unit: 'binary' }), constantFrom('true', '~', '- a: b', '0x1'))
  assert(
    property(text, (name) => {
      const named = { ...request, name }
      if (isRefused(named)) return
      const { yaml } = storeValues(named, 's-abc', installation())
      expect(load(yaml)).toMatchObject({ plan: 'small', store: { name, tenant: 'demo' } })
    }),
    { numRuns: 1_000 },
  )
})

test.each(['a\nb', 'a\u0000', '\u001b[0m', '`id`', '{{ x', 'x }}', '\ud800', '\u2028', '\u0085'])(
  'the name %j is refused',
  (name) => {
    expect(() => refuseUnsafeText({ ...request, name })).toThrow(/The name holds/)
  },
)

test('a tenant is checked like a name', () => {
  expect(() => refuseUnsafeText({ ...request, tenantId: '`x`' })).toThrow(/The tenantId holds/)
})

test.each(["Zoë's shop & söns", '店', '🛒 {x}', '#1: "best"'])('the name %j is taken', (name) => {
  expect(() => refuseUnsafeText({ ...request, name })).not.toThrow()
})

function installation(given?: object) {
  const values = installationValues.parse(given ?? {})
  return {
    storesDomain: 'stores.example.com',
    values,
    platformNamespace: given === undefined ? undefined : 'shops',
  }
}

function isRefused(named: StoreRequested): boolean {
  try {
    refuseUnsafeText(named)
    return false
  } catch {
    return true
  }
}
