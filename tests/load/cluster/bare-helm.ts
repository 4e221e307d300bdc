import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '#observability'
import { execa } from 'execa'
import { toolPath } from '../../../embedded/tools.ts'
import { openClusterDriver } from '../../../services/provisioner/drivers/cluster/driver.ts'
import { parseConfig } from '../../../services/provisioner/config.ts'
import { openHelm } from '../../../services/provisioner/helm/helm.ts'
import { leaseOf, releaseMaker } from '#test/cluster/cluster-release'
import type { clusterWorld } from '#test/cluster/cluster-world'

type World = Awaited<ReturnType<typeof clusterWorld>>

const HELM_TIMEOUT_MS = 120_000

/**
 * Runs the same helm commands as the provisioner does, that many at once, and nothing else: namespaces and what a release
 * needs are made before. Returns releases a minute.
 */
export async function bareHelm(world: World, { atOnce, count }: { atOnce: number; count: number }) {
  const maker = await releaseMaker(world)
  const prepare = await preparer(world)
  const runs: string[][] = []
  for (let n = 0; n < count; n++) {
    const target = await maker.targetOf(randomUUID())
    await prepare(target)
    runs.push([...(await maker.upgradeArgs(target)), '--kubeconfig', world.cluster.kubeconfig])
  }
  const startedAt = performance.now()
  const loop = async () => {
    for (let args = runs.pop(); args !== undefined; args = runs.pop())
      await execa(toolPath('helm'), args, { timeout: HELM_TIMEOUT_MS, env: { GOGC: '400' } })
  }
  await Promise.all(Array.from({ length: atOnce }, loop))
  return (count * 60_000) / (performance.now() - startedAt)
}

/** The driver with a helm that does nothing: it makes what a release needs. */
async function preparer(world: World) {
  const config = parseConfig({ ...world.environment, LOG_LEVEL: 'silent' })
  const workDir = await mkdtemp(join(world.folder, 'prepare-'))
  const bounds = { limitMs: 60_000, killAfterMs: 500, heartbeatTimeoutMs: 5_000 }
  const driver = await openClusterDriver({
    helm: openHelm({ executable: '/bin/true', workDir, ...bounds }),
    workDir,
    helmLimitMs: HELM_TIMEOUT_MS,
    removalLimitMs: config.REMOVAL_LIMIT_MS,
    routeLimitMs: 1_000,
    chartsDir: config.CHARTS_DIR,
    plansDir: config.PLANS_DIR,
    kubeconfig: config.KUBECONFIG,
    namespaceRole: config.NAMESPACE_ROLE,
    logger: createLogger({ service: 'bench', level: 'silent' }),
  })
  return (target: Parameters<typeof driver.deploy>[0]) => driver.deploy(target, leaseOf())
}
