import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '#observability'
import { leaseOf, releaseMaker } from '../cluster-release.ts'
import type { clusterWorld } from '../cluster-world.ts'
import { toolPath } from '../../../../embedded/tools.ts'
import { parseConfig } from '../../../../services/provisioner/config.ts'
import { openHelm } from '../../../../services/provisioner/helm/helm.ts'
import type { Ended } from '../../../../services/provisioner/helm/run-supervised.ts'
import type { Target } from '../../../../services/provisioner/reconcile/driver.ts'
import { openApi, type Api } from '../../../../services/provisioner/drivers/cluster/api/client.ts'
import { loadCredentials } from '../../../../services/provisioner/drivers/cluster/api/credentials.ts'
import type { Cluster } from '../../../../services/provisioner/drivers/cluster/context.ts'
import { createClaimSecret, fence } from '../../../../services/provisioner/drivers/cluster/fence.ts'
import { openNamespaceAccess } from '../../../../services/provisioner/drivers/cluster/namespace/access.ts'
import { prepare } from '../../../../services/provisioner/drivers/cluster/namespace/prepare.ts'
import { deploy, unlock } from '../../../../services/provisioner/drivers/cluster/release/deploy.ts'
import {
  diagnoseRelease,
  observe,
} from '../../../../services/provisioner/drivers/cluster/release/observe.ts'
import { awaitRoute } from '../../../../services/provisioner/drivers/cluster/release/route.ts'
import { inventory } from '../../../../services/provisioner/drivers/cluster/inventory.ts'
import { uninstall } from '../../../../services/provisioner/drivers/cluster/uninstall.ts'
import { installationValues } from '../../../../services/provisioner/installation.ts'
import { storeValues } from '../../../../services/provisioner/values.ts'
import type { Sent } from './right.ts'

const httpRoute = { kind: 'httpRoute', parentRefs: [{ name: 'public' }] }
const crashing = `images:\n  server: sim.invalid/crashloop:1\n`
const cutOff: Ended = { code: 1, signal: null, stderr: '', durationMs: 1 }

export interface Recorded extends Sent {
  operation: string
}

/** The life of one store with everything that can happen to it, and each request the provisioner sent for it. */
export async function recordedLife(world: Awaited<ReturnType<typeof clusterWorld>>) {
  const sent: Recorded[] = []
  let operation = ''
  const cluster = await openCluster(world, (request) => sent.push({ ...request, operation }))
  const maker = await releaseMaker(world)
  const unrouted = await maker.targetOf(randomUUID(), '', 'medusa')
  const { release } = unrouted
  const first = {
    ...unrouted,
    values: storeValues(unrouted.request, release, by({ kind: 'ingress' })),
  }
  const request = { ...first.request, plan: 'medium' as const }
  const target = { ...first, request, values: storeValues(request, release, by(httpRoute)) }
  const step = async (name: string, act: () => Promise<unknown>) => {
    operation = name
    await act()
  }
  await step('prepare', () => prepare(cluster, first, leaseOf()))
  await step('install', () => deploy(cluster, first, leaseOf()))
  const { signal } = new AbortController()
  await step('route', () => awaitRoute(cluster, first, signal))
  await step('observe', () => observe(cluster, target))
  await step('upgrade', () => deploy(cluster, target, leaseOf()))
  // No Gateway is here to accept it.
  await step('route', () => awaitRoute(cluster, target, signal).catch(() => {}))
  const yaml = target.values.yaml + crashing
  const upgrade = await maker.upgradeArgs({ ...target, values: { ...target.values, yaml } })
  const until = () => crash(world, release)
  await maker.cutOff(upgrade, { release, status: 'pending-upgrade', until })
  await step('diagnose', () => diagnoseRelease(cluster, { target, ended: cutOff, signal }))
  await step('', () => createClaimSecret(cluster, target, leaseOf(2)))
  await step('fence', () => fence(cluster, target, leaseOf(3)))
  await step('unlock', () => unlock(cluster, target, leaseOf(3)))
  await step('inventory', () => inventory(cluster, target))
  await step('uninstall', () => uninstall(cluster, target, leaseOf(4)))
  const other = await maker.targetOf(randomUUID(), '', 'medusa')
  await step('', () => prepare(cluster, other, leaseOf()))
  return { sent: sent.filter((each) => each.operation !== ''), release, other: other.release }
}

/** An installation whose stores have this route. */
function by(route: object) {
  const values = installationValues.parse({ route })
  return { storesDomain: 'stores.localhost', values }
}

async function openCluster(
  { environment, folder }: Awaited<ReturnType<typeof clusterWorld>>,
  onSent: (request: Sent) => void,
): Promise<Cluster> {
  const config = parseConfig({ ...environment, LOG_LEVEL: 'silent' })
  const workDir = await mkdtemp(join(folder, 'life-'))
  const credentials = loadCredentials(config.KUBECONFIG)
  const real = openApi(credentials)
  const api: Api = async (path, init = {}) => {
    const answer = await real(path, init)
    const { method = 'GET', body } = init
    onSent({ method, path: path.split('?')[0] ?? '', body, status: answer.status })
    return answer
  }
  const bounds = { limitMs: 60_000, killAfterMs: 500, heartbeatTimeoutMs: 5_000 }
  return {
    api,
    credentials,
    withNamespaceAccess: await openNamespaceAccess(api, config.NAMESPACE_ROLE),
    helm: openHelm({ executable: toolPath('helm'), workDir, ...bounds }),
    workDir,
    chartsDir: config.CHARTS_DIR,
    plansDir: config.PLANS_DIR,
    helmLimitMs: bounds.limitMs,
    removalLimitMs: config.REMOVAL_LIMIT_MS,
    routeLimitMs: 1_000,
    logger: createLogger({ service: 'test', level: 'silent' }),
  }
}

/** Throws until a container of the release has crashed, so that its log is worth reading. */
async function crash(
  { cluster }: Awaited<ReturnType<typeof clusterWorld>>,
  release: Target['release'],
): Promise<void> {
  const { body } = await cluster.api(`/api/v1/namespaces/${release}/pods`)
  if (!JSON.stringify(body).includes('CrashLoopBackOff')) throw new Error('nothing has crashed yet')
}
