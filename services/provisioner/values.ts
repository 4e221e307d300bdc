import { createHash } from 'node:crypto'
import { dump } from 'js-yaml'
import { AppError, type StoreRequested } from '#domain'
import { type Installation, type Route, secretsOf, STORE_SECRET } from './installation.ts'

export interface StoreValues {
  /** The values file, byte for byte what helm reads. */
  yaml: string
  /** SHA-256 of it, hex. */
  digest: string
  host: string
  /** Where the store answers: at its public address, or at its Service where nothing leads to it from outside. */
  url: string
  route: Route
  /** Of its administrator; goes into its Secret. */
  adminEmail: string
  /** The installation's Secrets that the values name. */
  secrets: string[]
}

/**
 * The values of a store's chart: what the installation says of all stores, and over it what the provisioner says
 * of this one. They hold no secret, and the same request in the same installation always gives the same bytes.
 */
export function storeValues(
  request: StoreRequested,
  release: string,
  installation: Installation,
): StoreValues {
  const { storeId: id, name, tenantId: tenant, plan, engine, parameters } = request
  const { route, adminEmail } = installation.values
  const host = `${release}.${installation.storesDomain}`
  const own = { existingSecret: STORE_SECRET, host, plan, store: { id, name, tenant }, parameters }
  const values = { ...ofInstallation(installation, engine), ...own }
  const yaml = dump(values, dumping)
  return {
    yaml,
    digest: createHash('sha256').update(yaml).digest('hex'),
    host,
    url: route.kind === 'none' ? `http://${release}-server.${release}.svc` : `https://${host}`,
    route,
    adminEmail: adminEmail ?? `admin@${host}`,
    secrets: secretsOf(installation.values, engine),
  }
}

const dumping = {
  noRefs: true,
  lineWidth: -1,
  forceQuotes: true,
  sortKeys: true,
  skipInvalid: true,
} as const

/** What is undefined is left out, and the chart's own default holds. */
function ofInstallation(
  { values, platformNamespace }: Installation,
  engine: StoreRequested['engine'],
) {
  const { imageRegistry: registry, imagePullSecrets, network, storage, route } = values
  const { images, ...ofEngine } = values[engine] ?? {}
  return {
    ...ofEngine,
    images: registry || images ? { registry, ...images } : undefined,
    imagePullSecrets,
    network: networkOf(network, platformNamespace),
    route: routeOf(route),
    storage,
  }
}

const GATEWAY_NAMESPACE = 'gateway-system'

/** The smoke test comes from the platform's namespace: every store lets it in, beside its other callers. */
function networkOf(
  network: Installation['values']['network'],
  platformNamespace: string | undefined,
) {
  if (platformNamespace === undefined) return network
  const { clientNamespaces = [GATEWAY_NAMESPACE], ...rest } = network ?? {}
  return { ...rest, clientNamespaces: [...new Set([...clientNamespaces, platformNamespace])] }
}

const ISSUER = 'cert-manager.io/cluster-issuer'
const ISSUED_SECRET = 'store-tls'

/** The chart's `route`; undefined where the chart is to make none. */
function routeOf(route: Route) {
  if (route.kind === 'none' || route.kind === 'external') return undefined
  if (route.kind === 'httpRoute') return route
  const { clusterIssuer, waitForAddress: _, ...ingress } = route
  if (clusterIssuer === undefined) return ingress
  const annotations = { ...ingress.annotations, [ISSUER]: clusterIssuer }
  return { ...ingress, annotations, tlsSecret: ISSUED_SECRET }
}

/** Refuses text that could mean something to YAML, a template or a terminal. Throws VALUES_INVALID. */
export function refuseUnsafeText(request: StoreRequested): void {
  for (const field of ['name', 'tenantId'] as const)
    if (!request[field].isWellFormed() || unsafe.test(request[field]))
      throw new AppError(
        'VALUES_INVALID',
        `The ${field} holds a control character, a line break, a backtick, '{{' or '}}'`,
        { details: { field } },
      )
}

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}`]|\{\{|\}\}/u
