import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import {
  databaseVariables,
  eventStoreVariables,
  messagingVariables,
  parseEnvironment,
  serviceVariables,
} from '#config'
import { defaultTimings } from '#messaging'
import { z } from 'zod'

const ms = (fallback: number) => z.coerce.number().int().positive().default(fallback)
const domainName = /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/

const schema = z
  .object({
    ...serviceVariables,
    ...eventStoreVariables,
    ...messagingVariables,
    ...databaseVariables,
    /** Stands in claims and logs; different for every process. */
    WORKER_ID: z
      .string()
      .regex(/^[\w.-]{1,100}$/)
      .default(() => `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`),
    /** Stores worked on at once. */
    CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4),
    /** Of these, as many as one tenant may hold; all of them unless set. */
    TENANT_CONCURRENCY: z.coerce.number().int().min(1).max(64).optional(),
    /** Stores all provisioners together work on at once; no limit unless set. */
    GLOBAL_CONCURRENCY: z.coerce.number().int().min(1).max(1_024).optional(),
    /** Of these, as many as one tenant may hold; no limit unless set. */
    GLOBAL_TENANT_CONCURRENCY: z.coerce.number().int().min(1).max(1_024).optional(),
    DRIVER: z.enum(['render', 'cluster']).default('render'),
    /** Driver cluster: path of a kubeconfig; without one the account of the pod. */
    KUBECONFIG: z.string().optional(),
    /** Driver cluster: the ClusterRole this account binds to itself in each store's namespace. */
    NAMESPACE_ROLE: z.string().optional(),
    HELM_BIN: z.string().default('helm'),
    CHARTS_DIR: z.string().default(fileURLToPath(new URL('../../deploy/charts', import.meta.url))),
    /** Driver cluster: the limits of each plan. */
    PLANS_DIR: z.string().default(fileURLToPath(new URL('../../deploy/plans', import.meta.url))),
    /** Driver render: one folder per release. */
    RELEASES_DIR: z.string().default('.storewright/releases'),
    /** A store's host is its release's name in this domain. */
    STORES_DOMAIN: z.string().regex(domainName).default('stores.localhost'),
    /** Pauses before the second, third, … attempt; one more failure than pauses is final. */
    RETRY_DELAYS_MS: z
      .string()
      .regex(/^\d+(,\d+)*$/, 'must be milliseconds separated by commas')
      .default('5000,30000,120000,600000')
      .transform((list) => list.split(',').map(Number)),
    LEASE_TTL_MS: ms(defaultTimings.leaseTtlMs),
    ACK_WAIT_MS: ms(defaultTimings.ackWaitMs),
    LEASE_RENEW_MS: ms(4_000),
    /** Without a confirmed renewal for so long a worker stops. */
    LEASE_LOST_MS: ms(8_000),
    /** Helm ends when its provisioner has been silent for so long. */
    HEARTBEAT_TIMEOUT_MS: ms(6_000),
    /** Between SIGTERM and SIGKILL of helm. */
    HELM_KILL_AFTER_MS: ms(2_000),
    HELM_LIMIT_MS: ms(540_000),
    /** How long a result is held for a log that is out of reach. */
    RESULT_RETRY_MS: ms(30_000),
    /** Driver cluster: for so long a removal waits for volumes before it says what holds them up. */
    REMOVAL_LIMIT_MS: ms(120_000),
    /** Driver cluster: a store is ready only after an order; `off` where pods are simulated. */
    SMOKE_TEST: z.enum(['on', 'off']).default('on'),
    /** Where a store's shop is reached from here; {release} is the name of release and namespace. */
    SMOKE_TEST_URL: z
      .string()
      .regex(/^https?:\/\//, 'must be an http or https URL')
      .default('http://{release}-server.{release}.svc'),
    /** The bound of one smoke test. */
    SMOKE_TEST_LIMIT_MS: ms(60_000),
    SWEEP_EVERY_MS: ms(60_000),
    SWEEP_OLDER_THAN_MS: ms(60_000),
    /** After SIGTERM helm may go on for so long. */
    SHUTDOWN_GRACE_MS: ms(20_000),
  })
  .superRefine(refuseOverlap)

export type ProvisionerConfig = z.output<typeof schema>

/** Reads the provisioner's environment. Throws ConfigError. */
export function parseConfig(env: Record<string, string | undefined>): ProvisionerConfig {
  return parseEnvironment(schema, env)
}

type Times = Record<
  | 'LEASE_TTL_MS'
  | 'LEASE_RENEW_MS'
  | 'LEASE_LOST_MS'
  | 'HEARTBEAT_TIMEOUT_MS'
  | 'HELM_KILL_AFTER_MS'
  | 'ACK_WAIT_MS',
  number
>

/** A worker's helm must be gone before another may take its claim over. */
function refuseOverlap(config: Times, context: z.RefinementCtx): void {
  const refuse = (name: keyof Times, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message })
  if (config.HEARTBEAT_TIMEOUT_MS > config.LEASE_LOST_MS)
    refuse('HEARTBEAT_TIMEOUT_MS', 'must be at most LEASE_LOST_MS')
  if (config.LEASE_LOST_MS + config.HELM_KILL_AFTER_MS >= config.LEASE_TTL_MS)
    refuse('LEASE_TTL_MS', 'must be more than LEASE_LOST_MS and HELM_KILL_AFTER_MS together')
  if (config.LEASE_RENEW_MS * 2 > config.LEASE_LOST_MS)
    refuse('LEASE_RENEW_MS', 'must be at most half of LEASE_LOST_MS')
  if (config.LEASE_RENEW_MS * 2 > config.ACK_WAIT_MS)
    refuse('ACK_WAIT_MS', 'must be at least twice LEASE_RENEW_MS')
}
