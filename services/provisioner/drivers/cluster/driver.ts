import { AppError } from '#domain'
import type { Logger } from '#observability'
import type { Helm } from '../../helm/helm.ts'
import type { Driver } from '../../reconcile/driver.ts'
import { openApi } from './api/client.ts'
import { loadCredentials } from './api/credentials.ts'
import type { Cluster } from './context.ts'
import { fence } from './fence.ts'
import { inventory } from './inventory.ts'
import { openNamespaceAccess } from './namespace/access.ts'
import { copySecrets } from './namespace/prepare.ts'
import { deploy, unlock } from './release/deploy.ts'
import { diagnoseRelease, observe } from './release/observe.ts'
import { awaitRoute } from './release/route.ts'
import { placeTestOrder, browseStore, type SmokeTestOptions } from './release/smoke-test.ts'
import { uninstall } from './uninstall.ts'

export interface ClusterOptions {
  helm: Helm
  /** A folder of this process alone, mode 0700: kubeconfigs and values files pass through it. */
  workDir: string
  helmLimitMs: number
  removalLimitMs: number
  routeLimitMs: number
  /** Holds a folder for each Secret that stores need a copy of. */
  secretsDir?: string | undefined
  chartsDir: string
  plansDir: string
  /** Path of a kubeconfig; without one the account of our own pod. */
  kubeconfig: string | undefined
  /** The ClusterRole to bind to ourselves in each store's namespace; undefined where we have all rights already. */
  namespaceRole: string | undefined
  /** Without it a store is ready as soon as helm says so. */
  smokeTest?: SmokeTestOptions | undefined
  logger: Logger
}

/** Releases on a Kubernetes cluster. Throws CONFIG_INVALID, CLUSTER_UNREACHABLE and CLUSTER_REFUSED when it cannot be used. */
export async function openClusterDriver(options: ClusterOptions): Promise<Driver> {
  const { kubeconfig, namespaceRole, smokeTest, ...rest } = options
  const credentials = loadCredentials(kubeconfig)
  const api = openApi(credentials)
  const cluster: Cluster = {
    ...rest,
    credentials,
    api,
    withNamespaceAccess: await openNamespaceAccess(api, namespaceRole).catch(unusable),
  }
  return {
    observe: (target) => observe(cluster, target),
    fence: (target, lease) => fence(cluster, target, lease),
    deploy: (target, lease) => deploy(cluster, target, lease),
    diagnose: (target, ended, signal) => diagnoseRelease(cluster, { target, ended, signal }),
    confirmRoute: async (target, lease, signal) => {
      await copySecrets(cluster, target, lease)
      return awaitRoute(cluster, target, signal)
    },
    placeOrder:
      smokeTest && ((target, signal) => placeTestOrder(cluster, target, { ...smokeTest, signal })),
    browseToCheckout:
      smokeTest && ((target, signal) => browseStore(cluster, target, { ...smokeTest, signal })),
    unlock: (target, lease) => unlock(cluster, target, lease),
    inventory: (target) => inventory(cluster, target),
    uninstall: (target, lease) => uninstall(cluster, target, lease),
  }
}

function unusable(error: unknown): never {
  if (!(error instanceof AppError)) throw error
  const message = `The cluster cannot be used (DRIVER=cluster, KUBECONFIG): ${error.message}`
  throw new AppError(error.code, message, { cause: error })
}
