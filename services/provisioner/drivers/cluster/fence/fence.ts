import { setTimeout as wait } from 'node:timers/promises'
import { AppError, hasCode } from '#domain'
import type { ClaimLease, Target } from '../../../reconcile/driver.ts'
import { type Api, openApi } from '../api/client.ts'
import { credentialsWithToken } from '../api/credentials.ts'
import type { Cluster } from '../context.ts'
import { readNamespace } from '../namespace/namespace.ts'
import {
  type ClaimSecret,
  listClaimSecrets,
  createClaimSecret,
  removeClaimSecret,
  tokenOf,
} from './claim-secret.ts'

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
