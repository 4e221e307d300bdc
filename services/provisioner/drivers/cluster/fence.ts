import { setTimeout as wait } from 'node:timers/promises'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError, hasCode } from '#domain'
import type { ClaimLease, Target } from '../../reconcile/driver.ts'
import type { Ended } from '../../helm/run-supervised.ts'
import { type Api, openApi, refused } from './api/client.ts'
import { credentialsWithToken, kubeconfigWithToken } from './api/credentials.ts'
import type { Cluster } from './context.ts'
import { readNamespace, storeLabels } from './namespace/namespace.ts'
import { createObject, listMetadata, pathOf, removeObject } from './api/objects.ts'
import { RELEASE_ACCOUNT } from './namespace/prepare.ts'

/** How long an API server trusts a token it has checked (a constant of kube-apiserver). */
const TOKEN_CACHE_MS = 10_000
const MARGIN_MS = 250
const POLL_EVERY_MS = 100
const REFUSED_WITHIN_MS = 60_000

/**
 * Makes helm of every earlier attempt powerless, even where it is frozen: removes the claim Secrets its tokens
 * are bound to, and waits until the API server refuses such a token. An attempt that ended
 * in order has left no claim Secret, and there is no wait. Throws CLAIM_LOST.
 */
export async function fence(cluster: Cluster, target: Target, lease: ClaimLease): Promise<void> {
  const namespace = await readNamespace(cluster.api, target)
  if (namespace === undefined || !namespace.isOurs || namespace.isEnding) return
  const claimSecrets = await listClaimSecrets(cluster, target)
  const others = claimSecrets.filter(({ claimId }) => claimId !== lease.claimId)
  if (others.length === 0) return
  await lease.confirm()
  // Exists until the wait is over: the attempt after an interrupted fence waits again.
  const own = await createClaimSecret(cluster, target, lease)
  const startedAt = performance.now()
  await revoke(cluster, { target, lease, claimSecrets: others })
  await removeClaimSecret(cluster, target, own)
  const durationMs = Math.round(performance.now() - startedAt)
  const names = others.map(({ name }) => name)
  cluster.logger.info(
    { release: target.release, claimSecrets: names, durationMs },
    'Fenced off earlier attempts',
  )
}

interface Revocation {
  target: Target
  lease: ClaimLease
  claimSecrets: ClaimSecret[]
}

async function revoke(
  cluster: Cluster,
  { target, lease, claimSecrets }: Revocation,
): Promise<void> {
  // The API server caches a probe's token from now on at the earliest, and helm's token until it is removed.
  const usedAt = performance.now()
  const probes = await Promise.all(
    claimSecrets.map((claimSecret) => openProbe(cluster, target, claimSecret)),
  )
  await Promise.all(
    claimSecrets.map((claimSecret) => removeClaimSecret(cluster, target, claimSecret)),
  )
  const removedAt = performance.now()
  await untilRefused(
    probes.filter((probe) => probe !== undefined),
    lease,
  )
  const rememberedMs = Math.max(TOKEN_CACHE_MS, performance.now() - usedAt)
  const restMs = removedAt + rememberedMs + MARGIN_MS - performance.now()
  if (restMs > 0) await wait(restMs)
  await confirmIfAborted(lease)
}

/** A token like helm's, used once so that the API server has it in its cache. */
async function openProbe(
  cluster: Cluster,
  target: Target,
  claimSecret: ClaimSecret,
): Promise<Api | undefined> {
  try {
    const token = await tokenOf(cluster, target, claimSecret)
    const probe = openApi(credentialsWithToken(cluster.credentials, token))
    await probe('/version')
    return probe
  } catch (error) {
    // Without its Secret or its account nobody can get such a token, and neither can helm.
    if (hasCode(error, 'CLUSTER_REFUSED')) return undefined
    throw error
  }
}

async function untilRefused(probes: Api[], lease: ClaimLease): Promise<void> {
  const giveUpAt = performance.now() + REFUSED_WITHIN_MS
  for (const probe of probes)
    while ((await probe('/version')).status !== 401) {
      await confirmIfAborted(lease)
      if (performance.now() > giveUpAt)
        throw new AppError(
          'CLUSTER_REFUSED',
          'The API server still takes the token of an ended claim',
        )
      await wait(POLL_EVERY_MS)
    }
}

async function confirmIfAborted({ signal, confirm }: ClaimLease): Promise<void> {
  if (signal.aborted) await confirm()
}

const CLAIM_LABEL = 'storewright.dev/claim'
const EXPIRY_SECONDS_MIN = 600

/** The Secret that represents one attempt's power over the release: tokens bound to it end with it. */
interface ClaimSecret {
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
async function listClaimSecrets(
  { api, withNamespaceAccess }: Cluster,
  target: Target,
): Promise<ClaimSecret[]> {
  const collection = { kind: 'Secret', namespace: target.release } as const
  const found = await withNamespaceAccess(target, () =>
    listMetadata(api, collection, { labelSelector: CLAIM_LABEL }),
  )
  return found.map(({ name, uid, labels }) => ({ name, uid, claimId: labels[CLAIM_LABEL] ?? '' }))
}

function removeClaimSecret(
  { api }: Cluster,
  target: Target,
  claimSecret: ClaimSecret,
): Promise<void> {
  const object = { kind: 'Secret', namespace: target.release, name: claimSecret.name } as const
  return removeObject(api, object, { uid: claimSecret.uid })
}

const issued = z.object({ status: z.object({ token: z.string() }) })

/** A token of the release's account, valid while the claim Secret exists and no longer than helm may run. */
async function tokenOf(
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
