import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { applyObject, type ObjectName } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { bindRole } from './access.ts'
import { ensureNamespace, storeLabels } from './namespace.ts'
import { ensureStoreSecret } from './secret.ts'

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
  ])
}
