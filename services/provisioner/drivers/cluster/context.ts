import type { KubeConfig } from '@kubernetes/client-node'
import type { Logger } from '#observability'
import type { Helm } from '../../helm/helm.ts'
import type { Api } from './api/client.ts'
import type { WithNamespaceAccess } from './namespace/access.ts'

/** What every operation of the driver works with. */
export interface Cluster {
  api: Api
  credentials: KubeConfig
  withNamespaceAccess: WithNamespaceAccess
  helm: Helm
  /** A folder of this process alone, mode 0700. */
  workDir: string
  chartsDir: string
  plansDir: string
  /** The absolute limit of one run of helm. */
  helmLimitMs: number
  /** How long a removal waits for volumes. */
  removalLimitMs: number
  /** How long a route may take to be accepted. */
  routeLimitMs: number
  /** Holds a folder for each Secret that stores need a copy of. */
  secretsDir?: string | undefined
  logger: Logger
}
