import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#domain'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import type { Api } from '../api/client.ts'
import {
  applyObject,
  createObject,
  type ObjectName,
  readObject,
  removeObject,
} from '../api/objects.ts'

const namespaceObject = z.object({
  metadata: z.object({
    uid: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  status: z
    .object({
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
    })
    .default({ conditions: [] }),
})

export interface StoreNamespace {
  uid: string
  isOurs: boolean
  isEnding: boolean
  annotations: Record<string, string>
  /** What still blocks its removal, in the API server's words. */
  remaining: string
}

/** The namespace of a store's release as it is now; undefined where there is none. */
export async function readNamespace(api: Api, target: Target): Promise<StoreNamespace | undefined> {
  const found = await readObject(api, nameOf(target), namespaceObject)
  if (found === undefined) return undefined
  const { uid, labels, annotations, deletionTimestamp } = found.metadata
  const said = found.status.conditions.filter(
    ({ type, status }) => /Remaining$|Failure$/.test(type) && status === 'True',
  )
  return {
    uid,
    annotations,
    isOurs: areOf(labels, target),
    isEnding: deletionTimestamp !== undefined,
    remaining: said.map(({ message }) => message).join('; '),
  }
}

/**
 * Creates the store's namespace, or corrects its labels. A worker that was frozen before this and has lost
 * its claim removes what it has created: nobody else would. Throws RELEASE_CONFLICT for a namespace of another.
 */
export async function ensureNamespace(api: Api, target: Target, lease: ClaimLease): Promise<void> {
  const made = await createObject(api, nameOf(target), contentOf(target))
  if (made === undefined) return adoptNamespace(api, target)
  try {
    await lease.confirm()
  } catch (error) {
    const { uid, resourceVersion } = made
    await removeObject(api, nameOf(target), { uid, resourceVersion })
    throw error
  }
}

async function adoptNamespace(api: Api, target: Target): Promise<void> {
  const found = await readNamespace(api, target)
  if (found !== undefined && !found.isOurs)
    throw new AppError('RELEASE_CONFLICT', unmanagedDetail(target))
  await applyObject(api, nameOf(target), contentOf(target))
}

export const unmanagedDetail = ({ release }: Target): string =>
  `The namespace ${release} was not made for this store`

export const nameOf = ({ release }: Target): ObjectName => ({
  kind: 'Namespace',
  namespace: '',
  name: release,
})

function contentOf(target: Target): object {
  const level = 'restricted'
  const labels = {
    ...storeLabels(target),
    'pod-security.kubernetes.io/enforce': level,
    'pod-security.kubernetes.io/warn': level,
    'pod-security.kubernetes.io/audit': level,
  }
  const annotations = { 'storewright.dev/tenant': target.request.tenantId }
  return { metadata: { labels, annotations } }
}

const MANAGER = 'storewright'
const labelValue = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

/** Labels of every object the provisioner makes for a store. */
export function storeLabels({ request }: Target): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': MANAGER,
    'storewright.dev/store': request.storeId,
    'storewright.dev/tenant': labelSafe(request.tenantId),
  }
}

/** True for labels of an object that the provisioner made for this store. */
function areOf(labels: Record<string, string>, { request }: Target): boolean {
  return (
    labels['app.kubernetes.io/managed-by'] === MANAGER &&
    labels['storewright.dev/store'] === request.storeId
  )
}

/** The text itself where a label can hold it, else a hash of it. */
export function labelSafe(text: string): string {
  if (labelValue.test(text)) return text
  return `h-${createHash('sha256').update(text).digest('hex').slice(0, 40)}`
}
