import type { Target } from '../../../services/provisioner/reconcile/driver.ts'

/** What a driver is asked for in a test that starts no helm of its own. */
export const sampleTarget: Target = {
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
    host: 'shop.example.com',
    url: 'https://shop.example.com',
    route: { kind: 'external' },
    adminEmail: 'admin@shop.example.com',
    secrets: [],
  },
}
