import { engines, plans } from '#domain'

export { type Engine, engines, type Plan } from '#domain'

export const routes = {
  none: { kind: 'none' },
  ingress: {
    kind: 'ingress',
    className: 'nginx',
    tlsSecret: 'shop-tls',
    annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
  },
  httpRoute: {
    kind: 'httpRoute',
    parentRefs: [{ name: 'public', namespace: 'gateway-system', sectionName: 'https' }],
  },
}

/** Values as the provisioner gives them; `changes` replaces whole top-level keys. */
export function storeValues(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    store: { id: '3f1f8a52-6f0e-5d0e-9b1c-0c5b7f0a9d11', name: 'Example Store', tenant: 'demo' },
    plan: 'small',
    host: 'shop.example.com',
    existingSecret: 'store-secret',
    route: routes.none,
    ...changes,
  }
}

/** Every engine, plan and route: what a chart must be right for. */
export const matrix = engines.flatMap((engine) =>
  plans.flatMap((plan) =>
    Object.entries(routes).map(([routeName, route]) => ({ engine, plan, routeName, route })),
  ),
)
