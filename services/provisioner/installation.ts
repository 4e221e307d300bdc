import { readFileSync } from 'node:fs'
import { load, YAMLException } from 'js-yaml'
import { z } from 'zod'
import type { Engine } from '#domain'

/** The Secret every store finds in its own namespace; made outside the release. */
export const STORE_SECRET = 'store-secret'

const text = (pattern: RegExp, message: string) => z.string().max(253).regex(pattern, message)
const objectName = text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a name in Kubernetes')
const className = text(
  /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/,
  "must be a class's name, or empty for the cluster's default",
)
const secretName = objectName.refine(
  (given) => given !== STORE_SECRET,
  `must not be ${STORE_SECRET}: each store has one of its own`,
)
const email = text(/^[^\s@<>"$]+@[^\s@<>"$]+$/, 'must be one e-mail address')
const image = z
  .string()
  .max(512)
  .regex(
    /^[a-z0-9][-a-z0-9._/:]*(:[A-Za-z0-9_][-A-Za-z0-9_.]*|@sha256:[0-9a-f]{64})$/,
    'must be an image with a tag, a digest, or both',
  )
const annotationName = text(/^[A-Za-z0-9][-A-Za-z0-9_./]*$/, 'must be an annotation')

const ingress = z
  .strictObject({
    kind: z.literal('ingress'),
    className: objectName.optional(),
    annotations: z.record(annotationName, z.string()).optional(),
    tlsSecret: secretName.optional(),
    clusterIssuer: objectName.optional(),
    waitForAddress: z.boolean().optional(),
  })
  .refine(
    ({ tlsSecret, clusterIssuer }) => tlsSecret === undefined || clusterIssuer === undefined,
    'must have tlsSecret or clusterIssuer: cert-manager would write into a Secret that is given',
  )
  .meta({ not: { required: ['tlsSecret', 'clusterIssuer'] } })
const parentRef = z.strictObject({
  name: objectName,
  namespace: objectName.optional(),
  sectionName: objectName.optional(),
})
const httpRoute = z.strictObject({
  kind: z.literal('httpRoute'),
  parentRefs: z.array(parentRef).min(1).max(8),
})
const routeSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({ kind: z.literal('external') }),
    ingress,
    httpRoute,
  ],
  'kind must be none, external, ingress or httpRoute',
)
/** How a store is reached from outside; `external`: something that is not the store's leads its host to it. */
export type Route = z.output<typeof routeSchema>

const mailSchema = z.strictObject({
  host: text(/^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?)?$/, 'must be the name of a host'),
  port: z.union([z.literal(465), z.literal(587)], 'must be 465 or 587').optional(),
  security: z.enum(['starttls', 'tls']).optional(),
  from: email.optional(),
  existingSecret: secretName.optional(),
})
type Mail = z.output<typeof mailSchema>

const backends = { server: image.optional(), database: image.optional() }
const engines = {
  medusa: z.strictObject({
    images: z.strictObject({ ...backends, cache: image.optional() }).optional(),
  }),
  woocommerce: z.strictObject({
    images: z.strictObject(backends).optional(),
    mail: mailSchema.optional(),
  }),
} satisfies Record<Engine, z.ZodType>

/** What an installation says about all its stores. It names no tenant, and no setting that protects a store. */
export const installationValues = z.strictObject({
  route: routeSchema.default({ kind: 'external' }),
  /** Where the engines' own images lie: `<imageRegistry>/<engine>:<appVersion of its chart>`. */
  imageRegistry: text(
    /^[a-z0-9][-a-z0-9._/:]*[a-z0-9]$/,
    'must be a registry with its path',
  ).optional(),
  imagePullSecrets: z.array(z.strictObject({ name: secretName })).optional(),
  network: z
    .strictObject({
      clientNamespaces: z.array(objectName).min(1).optional(),
      dnsCidrs: z.array(text(/^[0-9a-f.:]+\/[0-9]{1,3}$/, 'must be a CIDR')).optional(),
    })
    .optional(),
  storage: z
    .strictObject({
      databaseClass: className.optional(),
      uploadsClass: className.optional(),
      uploadsAccessMode: z.enum(['ReadWriteOnce', 'ReadWriteMany']).optional(),
    })
    .optional(),
  /** Of every store's administrator; `admin@` the store's host unless given. */
  adminEmail: email.optional(),
  medusa: engines.medusa.optional(),
  woocommerce: engines.woocommerce.optional(),
})
export type InstallationValues = z.output<typeof installationValues>

/** What all stores have in common. */
export interface Installation {
  storesDomain: string
  values: InstallationValues
  /** The provisioner's own namespace: its smoke test must get into every store. */
  platformNamespace?: string | undefined
}

/** The variable STORE_VALUES_FILE: the file's content, with every problem in it. */
export const storeValuesFile = z
  .string()
  .optional()
  .transform((path, context): InstallationValues => {
    const parsed = installationValues.safeParse(path === undefined ? {} : read(path, context))
    if (parsed.success) return parsed.data
    for (const issue of parsed.error.issues) {
      const at = issue.path.map((part) => (isName.test(String(part)) ? part : '…'))
      context.addIssue({ code: 'custom', message: withoutSecrets(issue), path: at })
    }
    return z.NEVER
  })

const isName = /^[A-Za-z0-9][-A-Za-z0-9_./]*$/
/** As the keys of this file are. */
const isKey = /^[a-z]+$/i

/** A key that is none of ours is shown where it is a word: anything else may be a password in the wrong place. */
function withoutSecrets(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message
  const keys = issue.keys.filter((key) => isKey.test(key)).map((key) => `"${key}"`)
  const others = issue.keys.length - keys.length
  if (others > 0) keys.push(`${others} not shown, for it may be a secret`)
  return `Unrecognized key${issue.keys.length === 1 ? '' : 's'}: ${keys.join(', ')}`
}

function read(path: string, context: z.RefinementCtx): unknown {
  try {
    return load(readFileSync(path, 'utf8')) ?? {}
  } catch (error) {
    context.addIssue(`names a file that cannot be read: ${whyNot(error)}`)
    return {}
  }
}

/** Without what was given, and without what the file holds. */
function whyNot(error: unknown): string {
  if (error instanceof YAMLException)
    return `${error.reason} in line ${(error.mark?.line ?? 0) + 1}`
  return error instanceof Error && 'code' in error ? String(error.code) : 'it is no YAML'
}

/** The Secrets that stores need a copy of, as the values name them. */
export function secretsOf(values: InstallationValues, engine: Engine): string[] {
  const { imagePullSecrets = [], route } = values
  const { mail } = { mail: undefined, ...values[engine] } satisfies { mail?: Mail | undefined }
  const tls = route.kind === 'ingress' ? route.tlsSecret : undefined
  const named = [...imagePullSecrets.map(({ name }) => name), tls, mail?.existingSecret]
  return [...new Set(named.filter((each) => each !== undefined))]
}
