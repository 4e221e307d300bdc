import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#domain'
import type { Ended } from '../../helm/run-supervised.ts'
import type { Licence, Target } from '../../reconcile/driver.ts'
import { readChart } from '../../store-values/chart.ts'
import type { Cluster } from '../cluster.ts'
import { raiseLimits, settleLimits } from '../limits/keep-limits.ts'
import { planLimits } from '../limits/plan-limits.ts'
import { prepare } from '../place/prepare.ts'
import { deployArgs } from './helm-args.ts'
import { withClaim } from './with-claim.ts'

/** Brings the release to what the target says, by one run of helm in a namespace made ready for it. */
export async function deploy(cluster: Cluster, target: Target, licence: Licence): Promise<Ended> {
  const { helm, helmLimitMs: limitMs, chartsDir, plansDir } = cluster
  const plan = await planLimits(plansDir, target.request)
  await prepare(cluster, target, licence)
  const raised = await raiseLimits(cluster, { target, licence, plan })
  const ended = await withClaim(cluster, { target, licence }, async (folder, kubeconfig) => {
    const values = join(folder, 'values.yaml')
    await writeFile(values, target.values.yaml, { mode: 0o600, flag: 'wx' })
    const args = deployArgs(target, licence, { files: { kubeconfig, values }, limitMs })
    return helm.run(args, join(folder, 'stdout'), licence)
  })
  if (raised && ended.code === 0) await settleLimits(cluster, { target, licence, plan })
  const { digest } = await readChart(chartsDir, target.request.engine)
  if (digest === target.chart.digest) return ended
  throw new AppError('CHART_INVALID', 'The chart changed while it was used', { retryable: true })
}
