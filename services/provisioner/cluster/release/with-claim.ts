import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ended } from '../../helm/run-supervised.ts'
import type { Licence, Target } from '../../reconcile/driver.ts'
import { kubeconfigWithToken } from '../api/connect.ts'
import type { Cluster } from '../cluster.ts'
import { makeClaim, removeClaim, tokenOf, type ClaimSecret } from '../fence/claim.ts'

/**
 * Runs helm with a token bound to a claim Secret of this attempt, made before the log is asked whether the
 * claim still stands: a later attempt finds the Secret, whatever this process does after that question.
 * When helm has surely ended, the claim goes too, so that nobody need wait for it.
 */
export async function withClaim(
  cluster: Cluster,
  { target, licence }: { target: Target; licence: Licence },
  run: (folder: string, kubeconfig: string) => Promise<Ended>,
): Promise<Ended> {
  const claim = await makeClaim(cluster, target, licence)
  const folder = join(cluster.workDir, licence.claimId)
  let mayRun = false
  try {
    await mkdir(folder, { mode: 0o700 })
    const kubeconfig = join(folder, 'kubeconfig')
    const token = await tokenOf(cluster, target, claim)
    const content = await kubeconfigWithToken(cluster.credentials, token)
    await writeFile(kubeconfig, content, { mode: 0o600, flag: 'wx' })
    await licence.confirm()
    mayRun = true
    const ended = await run(folder, kubeconfig)
    mayRun = false
    return ended
  } finally {
    await rm(folder, { recursive: true, force: true })
    if (!mayRun) await giveBack(cluster, target, claim)
  }
}

async function giveBack(cluster: Cluster, target: Target, claim: ClaimSecret): Promise<void> {
  await removeClaim(cluster, target, claim).catch((err: unknown) => {
    cluster.logger.warn({ err, claim: claim.name }, 'The claim could not be given back')
  })
}
