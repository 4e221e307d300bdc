import type { Failure } from '#domain'
import { collectEvidence } from '../../../diagnosis/collect.ts'
import { diagnose } from '../../../diagnosis/diagnose.ts'
import type { ReadOnlyClient } from '../../../diagnosis/reader.ts'
import type { Ended } from '../../../helm/run-supervised.ts'
import type { Target } from '../../../reconcile/driver.ts'
import { refused } from '../api/client.ts'
import type { Cluster } from '../context.ts'

/** Why a run of helm did not make the store ready, as its namespace shows. Never rejects. */
export async function diagnoseRelease(
  { api, withNamespaceAccess }: Cluster,
  { target, ended, signal }: { target: Target; ended: Ended; signal: AbortSignal },
): Promise<Failure> {
  const client: ReadOnlyClient = {
    get: (path, limit) =>
      withNamespaceAccess(target, async () => {
        const answer = await api(path, { signal: limit })
        if (answer.status !== 200) throw refused(`GET ${path.split('?')[0]}`, answer)
        return answer.body
      }),
  }
  return diagnose(await collectEvidence(client, target.release, signal), ended)
}
