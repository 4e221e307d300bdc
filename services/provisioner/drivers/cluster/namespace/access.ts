import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import type { Target } from '../../../reconcile/driver.ts'
import { type Api, isForbidden, refused } from '../api/client.ts'
import { applyObject } from '../api/objects.ts'
import { storeLabels } from './namespace.ts'

const PATIENCE_MS = 15_000
const POLL_EVERY_MS = 100
const RBAC = 'rbac.authorization.k8s.io'

/** Runs work in a store's namespace with the rights it needs. */
export type WithNamespaceAccess = <T>(target: Target, work: () => Promise<T>) => Promise<T>

/**
 * The provisioner has no right in a store's namespace until it binds the namespace role to itself there;
 * the API server needs a moment to see the binding. Without a role it must have all rights already.
 */
export async function openNamespaceAccess(
  api: Api,
  role: string | undefined,
): Promise<WithNamespaceAccess> {
  const subject = subjectOf(await whoAmI(api))
  return async (target, work) => {
    try {
      return await work()
    } catch (error) {
      if (role === undefined || !isForbidden(error)) throw error
    }
    await bindRole(api, target, { name: 'storewright', role, subject })
    for (const giveUpAt = performance.now() + PATIENCE_MS; ; await wait(POLL_EVERY_MS)) {
      try {
        return await work()
      } catch (error) {
        if (!isForbidden(error) || performance.now() > giveUpAt) throw error
      }
    }
  }
}

/** Lets an account or a user do in the store's namespace what the ClusterRole allows. */
export async function bindRole(
  api: Api,
  target: Target,
  { name, role, subject }: { name: string; role: string; subject: object },
): Promise<void> {
  const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', name: role }
  const metadata = { labels: storeLabels(target) }
  const object = { kind: 'RoleBinding', namespace: target.release, name } as const
  await applyObject(api, object, { metadata, roleRef, subjects: [subject] })
}

const review = z.object({ status: z.object({ userInfo: z.object({ username: z.string() }) }) })

/** Our own name in the cluster. Throws CLUSTER_UNREACHABLE, CLUSTER_REFUSED. */
async function whoAmI(api: Api): Promise<string> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const answer = await api(path, { method: 'POST', body })
  if (answer.status !== 201) throw refused(`POST ${path}`, answer)
  return review.parse(answer.body).status.userInfo.username
}

function subjectOf(username: string): object {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? []
  if (namespace !== undefined) return { kind: 'ServiceAccount', namespace, name }
  return { kind: 'User', apiGroup: RBAC, name: username }
}
