import { z } from 'zod'
import { type Api, refused } from './client.ts'

const collections = {
  Namespace: '/api/v1/namespaces',
  PersistentVolume: '/api/v1/persistentvolumes',
  Secret: '/api/v1/namespaces/*/secrets',
  ServiceAccount: '/api/v1/namespaces/*/serviceaccounts',
  ResourceQuota: '/api/v1/namespaces/*/resourcequotas',
  LimitRange: '/api/v1/namespaces/*/limitranges',
  PersistentVolumeClaim: '/api/v1/namespaces/*/persistentvolumeclaims',
  NetworkPolicy: '/apis/networking.k8s.io/v1/namespaces/*/networkpolicies',
  Ingress: '/apis/networking.k8s.io/v1/namespaces/*/ingresses',
  HTTPRoute: '/apis/gateway.networking.k8s.io/v1/namespaces/*/httproutes',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  StatefulSet: '/apis/apps/v1/namespaces/*/statefulsets',
  Job: '/apis/batch/v1/namespaces/*/jobs',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/*/rolebindings',
} as const
export type Kind = keyof typeof collections

const apiVersions: Partial<Record<Kind, string>> = {
  NetworkPolicy: 'networking.k8s.io/v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
}

/** Names one object; `namespace` is empty for a cluster-wide one. */
export interface ObjectName {
  kind: Kind
  namespace: string
  name: string
}

const metadata = z.object({
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  finalizers: z.array(z.string()).default([]),
  deletionTimestamp: z.string().optional(),
})
const withMetadata = z.object({ metadata })
export type Metadata = z.output<typeof metadata>

export const pathOf = ({ kind, namespace, name }: ObjectName): string =>
  `${collectionOf(kind, namespace)}/${name}`

/** The object, or undefined where there is none. Throws CLUSTER_REFUSED, CLUSTER_UNREACHABLE. */
export async function readObject<T>(
  api: Api,
  object: ObjectName,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const answer = await api(pathOf(object))
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw refused(`GET ${pathOf(object)}`, answer)
  return schema.parse(answer.body)
}

/** The same, found by its name in a list: needs the right to list, not the right to get. */
export async function findObject<T>(
  api: Api,
  { kind, namespace, name }: ObjectName,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const path = collectionOf(kind, namespace)
  const answer = await api(path, { query: { fieldSelector: `metadata.name=${name}` } })
  if (answer.status !== 200) throw refused(`GET ${path}`, answer)
  return z.object({ items: z.array(schema).nullable() }).parse(answer.body).items?.[0]
}

/** Names and labels of a namespace's objects of one kind, without their contents. */
export async function listMetadata(
  api: Api,
  { kind, namespace }: Omit<ObjectName, 'name'>,
  query: Record<string, string> = {},
): Promise<Metadata[]> {
  const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
  const path = collectionOf(kind, namespace)
  const answer = await api(path, { accept, query })
  if (answer.status !== 200) throw refused(`GET ${path}`, answer)
  // The API server writes an empty list as null.
  const { items } = z.object({ items: z.array(withMetadata).nullable() }).parse(answer.body)
  return (items ?? []).map((item) => item.metadata)
}

/** Creates the object; undefined when one with that name exists. */
export async function createObject(
  api: Api,
  object: ObjectName,
  content: object,
): Promise<Metadata | undefined> {
  const path = collectionOf(object.kind, object.namespace)
  const answer = await api(path, { method: 'POST', body: wholeOf(object, content) })
  if (answer.status === 409) return undefined
  if (answer.status !== 201) throw refused(`POST ${path} of ${object.name}`, answer)
  return withMetadata.parse(answer.body).metadata
}

/** Creates the object or brings it to `content` (server-side apply), no matter who changed it. */
export async function applyObject(
  api: Api,
  object: ObjectName,
  content: object,
): Promise<Metadata> {
  const answer = await api(pathOf(object), {
    method: 'PATCH',
    query: { fieldManager: 'storewright', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: wholeOf(object, content),
  })
  if (answer.status !== 200 && answer.status !== 201)
    throw refused(`PATCH ${pathOf(object)}`, answer)
  return withMetadata.parse(answer.body).metadata
}

/** Changes labels, annotations or finalizers of an existing object. */
export function patchMetadata(api: Api, object: ObjectName, changes: object): Promise<void> {
  return mergeObject(api, object, { metadata: changes })
}

/** Changes fields of an existing object; null removes one. */
export async function mergeObject(api: Api, object: ObjectName, body: object): Promise<void> {
  const contentType = 'application/merge-patch+json'
  const path = pathOf(object)
  const answer = await api(path, { method: 'PATCH', contentType, body })
  if (answer.status !== 200) throw refused(`PATCH ${path}`, answer)
}

/** Removes exactly that object; a missing or newer one is left alone. */
export async function removeObject(
  api: Api,
  object: ObjectName,
  preconditions: { uid: string; resourceVersion?: string },
): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
  const answer = await api(pathOf(object), { method: 'DELETE', body })
  if (![200, 202, 404, 409].includes(answer.status))
    throw refused(`DELETE ${pathOf(object)}`, answer)
}

function collectionOf(kind: Kind, namespace: string): string {
  return collections[kind].replace('*', namespace)
}

function wholeOf({ kind, namespace, name }: ObjectName, content: object): object {
  const { metadata: given, ...rest } = { metadata: {}, ...content }
  const scope = namespace === '' ? {} : { namespace }
  const apiVersion = apiVersions[kind] ?? 'v1'
  return { apiVersion, kind, metadata: { ...given, name, ...scope }, ...rest }
}
