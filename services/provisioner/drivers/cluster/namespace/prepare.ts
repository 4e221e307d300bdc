import { randomInt } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { z } from 'zod'
import { AppError } from '#domain'
import { STORE_SECRET } from '../../../installation.ts'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { type Api, isConflict } from '../api/client.ts'
import {
  applyObject,
  createObject,
  mergeObject,
  type ObjectName,
  readObject,
} from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { bindRole } from './access.ts'
import { ensureNamespace, storeLabels } from './namespace.ts'

/** The account that a store's release is installed with. */
export const RELEASE_ACCOUNT = 'release'

/** The role it has in its own namespace, and nowhere else. */
const RELEASE_ROLE = 'edit'

/**
 * Creates what a store's release needs and must not create itself, except for limits: the namespace, a policy
 * that denies all traffic, the Secret, and the account of the release. Idempotent.
 */
export async function prepare(cluster: Cluster, target: Target, lease: ClaimLease): Promise<void> {
  const { api, withNamespaceAccess } = cluster
  await ensureNamespace(api, target, lease)
  const apply = (kind: ObjectName['kind'], name: string, content: object) => {
    const object = { kind, namespace: target.release, name }
    return applyObject(api, object, { metadata: { labels: storeLabels(target) }, ...content })
  }
  await withNamespaceAccess(target, () =>
    apply('ServiceAccount', RELEASE_ACCOUNT, { automountServiceAccountToken: false }),
  )
  const subject = {
    kind: 'ServiceAccount',
    namespace: target.release,
    name: RELEASE_ACCOUNT,
  }
  // The chart allows traffic component by component: policies add up.
  const denied = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }
  await Promise.all([
    bindRole(api, target, { name: RELEASE_ACCOUNT, role: RELEASE_ROLE, subject }),
    apply('NetworkPolicy', 'default-deny', { spec: denied }),
    ensureStoreSecret(api, target),
    copySecrets(cluster, target, lease),
  ])
}

const COPY_LABEL = 'storewright.dev/copy'
const COPY_TRIES_MAX = 5

const copied = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
  data: z.record(z.string(), z.string()).default({}),
})

/**
 * Copies the Secrets of the installation that the store's chart names, and brings older copies up to date. One that
 * somebody else made under the name stays theirs. Nothing is copied where no folder of Secrets was given.
 * Throws CLAIM_LOST.
 */
export async function copySecrets(
  cluster: Cluster,
  target: Target,
  lease: ClaimLease,
): Promise<void> {
  const { secretsDir } = cluster
  if (secretsDir === undefined) return
  for (const name of target.values.secrets) {
    const content = await readSecret(join(secretsDir, name))
    await keepCopy(cluster, { target, lease, name, content })
  }
}

interface Copying {
  target: Target
  lease: ClaimLease
  name: string
  content: SecretContent
}

// A worker that thaws late must not bring an older copy back: reads, confirms its claim, writes what it has read.
async function keepCopy({ api }: Cluster, { target, lease, name, content }: Copying) {
  const object = { kind: 'Secret', namespace: target.release, name } as const
  const labels = { ...storeLabels(target), [COPY_LABEL]: 'true' }
  for (let tries = 1; ; tries++) {
    const now = await readObject(api, object, copied)
    if (now !== undefined && now.metadata.labels[COPY_LABEL] !== 'true') return
    await lease.confirm()
    try {
      if (now === undefined) {
        const made = await createObject(api, object, { metadata: { labels }, ...content })
        if (made !== undefined) return
        continue
      }
      const { resourceVersion } = now.metadata
      const removed = Object.fromEntries(Object.keys(now.data).map((key) => [key, null]))
      const data = { ...removed, ...content.data }
      await mergeObject(api, object, { metadata: { resourceVersion }, type: content.type, data })
      return
    } catch (error) {
      if (tries === COPY_TRIES_MAX || !isConflict(error)) throw error
    }
  }
}

interface SecretContent {
  type: string
  /** Base64. */
  data: Record<string, string>
}

/** A Secret as Kubernetes mounts it: a file for each key, beside its own links. Throws CONFIG_INVALID. */
async function readSecret(folder: string): Promise<SecretContent> {
  try {
    const keys = (await readdir(folder)).filter((key) => !key.startsWith('..')).toSorted()
    const files = keys.map(async (key) => [key, await readFile(join(folder, key), 'base64')])
    return { type: typeOf(keys), data: Object.fromEntries(await Promise.all(files)) }
  } catch (cause) {
    const message = `STORE_SECRETS_DIR has no readable Secret ${folder}`
    throw new AppError('CONFIG_INVALID', message, { cause, retryable: true })
  }
}

function typeOf(keys: string[]): string {
  if (keys.includes('.dockerconfigjson')) return 'kubernetes.io/dockerconfigjson'
  return keys.includes('tls.crt') && keys.includes('tls.key') ? 'kubernetes.io/tls' : 'Opaque'
}

const LENGTH = 32
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const chartFile = z.object({
  annotations: z.object({ 'storewright.dev/secret-keys': z.string() }),
})
const secret = z.object({ data: z.record(z.string(), z.unknown()).default({}) })

/**
 * Creates the store's Secret with a value for every key its chart names. It is created once and never
 * changed: its values are in use by the store's database. Throws CHART_INVALID.
 */
async function ensureStoreSecret(api: Api, target: Target): Promise<void> {
  const keys = await keysOf(target)
  const object = { kind: 'Secret', namespace: target.release, name: STORE_SECRET } as const
  const stringData = Object.fromEntries(keys.map((key) => [key, valueOf(key, target)]))
  const metadata = { labels: storeLabels(target) }
  const made = await createObject(api, object, { metadata, immutable: true, stringData })
  if (made !== undefined) return
  const { data = {} } = (await readObject(api, object, secret)) ?? {}
  const missing = keys.filter((key) => !(key in data))
  if (missing.length > 0)
    throw new AppError('CHART_INVALID', `${STORE_SECRET} lacks ${missing.join(', ')}`)
}

async function keysOf({ chart }: Target): Promise<string[]> {
  try {
    const { annotations } = chartFile.parse(
      load(await readFile(join(chart.path, 'Chart.yaml'), 'utf8')),
    )
    return annotations['storewright.dev/secret-keys'].trim().split(/\s+/)
  } catch (cause) {
    const message = `${chart.path} does not say which keys its Secret needs`
    throw new AppError('CHART_INVALID', message, { cause, retryable: true })
  }
}

// Letters and digits only: they become parts of URLs. Administrators of all engines are e-mail addresses.
function valueOf(key: string, { values }: Target): string {
  if (key === 'admin-email') return values.adminEmail
  return Array.from({ length: LENGTH }, () => alphabet[randomInt(alphabet.length)]).join('')
}
