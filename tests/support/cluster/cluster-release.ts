import { randomUUID } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { releaseNameOf, type Engine, type StoreRequested } from '#domain'
import { createLogger } from '#observability'
import { execa } from 'execa'
import { z } from 'zod'
import { toolPath } from '../../../embedded/tools.ts'
import {
  openClusterDriver,
  type ClusterOptions,
} from '../../../services/provisioner/drivers/cluster/driver.ts'
import { deployArgs } from '../../../services/provisioner/drivers/cluster/release/deploy.ts'
import { installationOf, parseConfig } from '../../../services/provisioner/config.ts'
import { openHelm } from '../../../services/provisioner/helm/helm.ts'
import type { ClaimLease, Target } from '../../../services/provisioner/reconcile/driver.ts'
import { readChart } from '../../../services/provisioner/chart.ts'
import { installationValues } from '../../../services/provisioner/installation.ts'
import { storeValues } from '../../../services/provisioner/values.ts'
import type { clusterWorld } from './cluster-world.ts'
import { eventually } from '../eventually.ts'

type World = Awaited<ReturnType<typeof clusterWorld>>

const HELM_TIMEOUT_MS = 60_000
const secrets = z.object({
  items: z
    .array(
      z.object({
        metadata: z.object({
          name: z.string(),
          uid: z.string(),
          labels: z.record(z.string(), z.string()).default({}),
        }),
      }),
    )
    .nullable(),
})

interface CutOff {
  release: string
  status: string
  until?: () => void | Promise<void>
}

/** Makes releases as an attempt of the provisioner would, to any point and with any fault. */
export async function releaseMaker(world: World) {
  const { cluster, environment, folder } = world
  const config = parseConfig({ ...environment, LOG_LEVEL: 'silent' })
  const workDir = await mkdtemp(join(folder, 'maker-'))
  const executable = toolPath('helm')
  const bounds = { limitMs: HELM_TIMEOUT_MS, killAfterMs: 500, heartbeatTimeoutMs: 5_000 }
  const driverAs = (change: Partial<ClusterOptions> = {}) =>
    openClusterDriver({
      helm: openHelm({ executable, workDir, ...bounds }),
      workDir,
      helmLimitMs: HELM_TIMEOUT_MS,
      removalLimitMs: config.REMOVAL_LIMIT_MS,
      routeLimitMs: 1_000,
      chartsDir: config.CHARTS_DIR,
      plansDir: config.PLANS_DIR,
      kubeconfig: config.KUBECONFIG,
      namespaceRole: config.NAMESPACE_ROLE,
      logger: createLogger({ service: 'test', level: 'silent' }),
      ...change,
    })
  const driver = await driverAs()
  const helm = (args: string[]) =>
    execa(executable, [...args, '--kubeconfig', cluster.kubeconfig], {
      timeout: HELM_TIMEOUT_MS,
      reject: false,
      detached: true,
    })
  const recordsOf = async (release: string) => {
    const selector = encodeURIComponent(`owner=helm,name=${release}`)
    const { body } = await cluster.api(
      `/api/v1/namespaces/${release}/secrets?labelSelector=${selector}`,
    )
    const items = secrets.parse(body).items ?? []
    const version = ({ labels }: { labels: Record<string, string> }) => Number(labels['version'])
    return items.map(({ metadata }) => metadata).toSorted((a, b) => version(b) - version(a))
  }
  return {
    /** The provisioner's. */
    driver,
    /** One with other options, of another account for example. */
    driverAs,
    /** What the provisioner will want for that store, or with other values. */
    targetOf: async (
      storeId: string,
      moreValues = '',
      engine: Engine = 'woocommerce',
      installation: object = {},
    ): Promise<Target> => {
      const { type: _, now: requestedAt, ...request } = world.requestOf(storeId)
      const asked: StoreRequested = { ...request, engine, requestedAt }
      const release = releaseNameOf(storeId)
      const values = storeValues(asked, release, {
        ...installationOf(config),
        values: installationValues.parse(installation),
      })
      const yaml = values.yaml + moreValues
      const digest = moreValues === '' ? values.digest : 'other'
      const chart = await readChart(config.CHARTS_DIR, asked.engine)
      return { request: asked, release, chart, values: { ...values, yaml, digest } }
    },
    /** Runs helm as the administrator. */
    helm,
    /** Helm's records of the release, the newest first. */
    recordsOf,
    /** Runs helm until the newest record has that status and `until` passes, and kills it. */
    cutOff: async (
      args: string[],
      { release, status, until = () => {} }: CutOff,
    ): Promise<void> => {
      const running = helm(args)
      await eventually(
        async () => {
          const [newest] = await recordsOf(release)
          if (newest?.labels['status'] !== status) throw new Error(`${newest?.labels['status']}`)
          await until()
        },
        { timeoutMs: 30_000 },
      )
      if (running.pid !== undefined) process.kill(-running.pid, 'SIGKILL')
      await running
    },
    /** Arguments of `helm upgrade --install` as the attempt would give them. */
    upgradeArgs: async (target: Target, lease = leaseOf()): Promise<string[]> => {
      const values = join(workDir, `${randomUUID()}.yaml`)
      await writeFile(values, target.values.yaml)
      const files = { kubeconfig: cluster.kubeconfig, values }
      const args = deployArgs(target, lease, { files, limitMs: HELM_TIMEOUT_MS })
      const at = args.indexOf('--kubeconfig')
      const end = args.indexOf('--')
      return [...args.slice(0, at), ...args.slice(at + 2, end), ...args.slice(end + 1)]
    },
  }
}

/** Values with which the server never gets ready. */
export const neverReady = `images:\n  server: sim.invalid/neverready:1\n`

/** A lease that lasts. */
export function leaseOf(attempt = 1): ClaimLease {
  return {
    attempt,
    claimId: randomUUID(),
    signal: new AbortController().signal,
    deadline: () => process.hrtime.bigint() + 10n ** 11n,
    confirm: () => Promise.resolve(),
  }
}
