import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '#domain'
import type { Ended } from '../../../helm/run-supervised.ts'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { refused } from '../api/client.ts'
import { kubeconfigWithToken } from '../api/credentials.ts'
import { createObject, listMetadata, pathOf, removeObject } from '../api/objects.ts'
import type { Cluster } from '../context.ts'
import { storeLabels } from '../namespace/namespace.ts'
import { RELEASE_ACCOUNT } from '../namespace/prepare.ts'

const CLAIM_LABEL = 'storewright.dev/claim'
const EXPIRY_SECONDS_MIN = 600

/** The Secret that represents one attempt's power over the release: tokens bound to it end with it. */
export interface ClaimSecret {
  name: string
  uid: string
  claimId: string
}

/** Makes the attempt's own claim Secret. Throws CLAIM_LOST when another claim holds its name. */
export async function createClaimSecret(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
  { attempt, claimId }: ClaimLease,
): Promise<ClaimSecret> {
  // After a restore of the log an earlier claim may have had the same number.
  const name = `claim-${attempt}-${claimId.slice(0, 8)}`
  const object = { kind: 'Secret', namespace: target.release, name } as const
  const labels = { ...storeLabels(target), [CLAIM_LABEL]: claimId }
  const made = await withNamespaceAccess(target, () =>
    createObject(api, object, { metadata: { labels }, immutable: true }),
  )
  if (made !== undefined) return { name, uid: made.uid, claimId }
  throw new AppError('CLAIM_LOST', `${name} was made before`)
}

/** All claim Secrets of the store. */
export async function listClaimSecrets(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
): Promise<ClaimSecret[]> {
  const collection = { kind: 'Secret', namespace: target.release } as const
  const found = await withNamespaceAccess(target, () =>
    listMetadata(api, collection, { labelSelector: CLAIM_LABEL }),
  )
  return found.map(({ name, uid, labels }) => ({ name, uid, claimId: labels[CLAIM_LABEL] ?? '' }))
}

export function removeClaimSecret(
  { api }: Cluster,
  target: Target,
  claimSecret: ClaimSecret,
): Promise<void> {
  const object = { kind: 'Secret', namespace: target.release, name: claimSecret.name } as const
  return removeObject(api, object, { uid: claimSecret.uid })
}

const issued = z.object({ status: z.object({ token: z.string() }) })

/** A token of the release's account, valid while the claim Secret exists and no longer than helm may run. */
export async function tokenOf(
  { api, helmLimitMs }: Cluster,
  target: Target,
  { name, uid }: ClaimSecret,
): Promise<string> {
  const account = {
    kind: 'ServiceAccount',
    namespace: target.release,
    name: RELEASE_ACCOUNT,
  } as const
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid }
  const expirationSeconds = Math.max(EXPIRY_SECONDS_MIN, Math.ceil(helmLimitMs / 1_000) + 60)
  const path = `${pathOf(account)}/token`
  const answer = await api(path, {
    method: 'POST',
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { boundObjectRef, expirationSeconds },
    },
  })
  if (answer.status !== 201) throw refused(`POST ${path}`, answer)
  return issued.parse(answer.body).status.token
}

/**
 * Runs helm with a token bound to a claim Secret of this attempt. The Secret is created before the claim is
 * confirmed, so a later attempt finds it, whatever this process does after the confirmation.
 * Once helm has surely ended, the Secret goes too: no later attempt has to wait for it.
 */
export async function withClaimSecret(
  cluster: Cluster,
  { target, lease }: { target: Target; lease: ClaimLease },
  run: (folder: string, kubeconfig: string) => Promise<Ended>,
): Promise<Ended> {
  const claimSecret = await createClaimSecret(cluster, target, lease)
  const folder = join(cluster.workDir, lease.claimId)
  let mayRun = false
  try {
    await mkdir(folder, { mode: 0o700 })
    const kubeconfig = join(folder, 'kubeconfig')
    const token = await tokenOf(cluster, target, claimSecret)
    const content = await kubeconfigWithToken(cluster.credentials, token)
    await writeFile(kubeconfig, content, { mode: 0o600, flag: 'wx' })
    await lease.confirm()
    mayRun = true
    const ended = await run(folder, kubeconfig)
    mayRun = false
    return ended
  } finally {
    // A failure here must not replace how helm ended; the start of the next provisioner removes such a folder.
    if (!mayRun) await removeOwn(cluster, target, claimSecret)
    await rm(folder, { recursive: true, force: true }).catch((err: unknown) => {
      cluster.logger.warn({ err, folder }, 'Could not remove the work folder of a run of helm')
    })
  }
}

async function removeOwn(
  cluster: Cluster,
  target: Target,
  claimSecret: ClaimSecret,
): Promise<void> {
  await removeClaimSecret(cluster, target, claimSecret).catch((err: unknown) => {
    cluster.logger.warn({ err, claimSecret: claimSecret.name }, 'Could not remove the claim Secret')
  })
}
