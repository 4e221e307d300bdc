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
import { defaultTimings, type WorkTimings, workTimings } from '#messaging'
import { z } from 'zod'
import { type Installation, storeValuesFile } from './installation.ts'

const ms = (fallback: number) => z.coerce.number().int().positive().default(fallback)
const domainName = /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/

/** Every setting, by the name of its variable. */
export const configSchema = z.object({
  ...serviceVariables,
  ...eventStoreVariables,
  ...messagingVariables,
  ...databaseVariables,
  /** Written into claims and logs; different for every process. */
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
  /** What the installation says of all its stores: a YAML file, read once at the start. */
  STORE_VALUES_FILE: storeValuesFile,
  /** Driver cluster: a folder for each Secret that the file names, to be copied into the namespaces of stores. */
  STORE_SECRETS_DIR: z.string().optional(),
  /** Driver cluster: our own namespace, which the policies of stores let in. */
  POD_NAMESPACE: z.string().optional(),
  /** Pauses before the second, third, … attempt; one more failure than pauses is final. */
  RETRY_DELAYS_MS: z
    .string()
    .regex(/^\d+(,\d+)*$/, 'must be milliseconds separated by commas')
    .default('5000,30000,120000,600000')
    .transform((list) => list.split(',').map(Number)),
  /** How long a claim is safe from a take-over without a renewal; every other time of the lease is a part of it. */
  LEASE_MS: z.coerce.number().int().min(1_000).default(defaultTimings.leaseTtlMs),
  HELM_LIMIT_MS: ms(540_000),
  /** How long a result is retried while the event store is unavailable. */
  RESULT_RETRY_MS: ms(30_000),
  /** Driver cluster: how long a removal waits for volumes before it reports what is blocking them. */
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
  /** Driver cluster: how long a store's route may take to be accepted. */
  ROUTE_LIMIT_MS: ms(60_000),
  SWEEP_EVERY_MS: ms(60_000),
  SWEEP_OLDER_THAN_MS: ms(60_000),
  /** How long helm may continue after SIGTERM. */
  SHUTDOWN_GRACE_MS: ms(20_000),
})

export type ProvisionerConfig = z.output<typeof configSchema>

/** Reads the provisioner's environment. Throws ConfigError. */
export function parseConfig(env: Record<string, string | undefined>): ProvisionerConfig {
  return parseEnvironment(configSchema, env)
}

/** What all stores of these settings have in common. */
export function installationOf(
  config: Pick<ProvisionerConfig, 'STORES_DOMAIN' | 'STORE_VALUES_FILE' | 'POD_NAMESPACE'>,
): Installation {
  const { STORES_DOMAIN: storesDomain, STORE_VALUES_FILE: values } = config
  return { storesDomain, values, platformNamespace: config.POD_NAMESPACE }
}

/** The times that a claim's lease consists of, in milliseconds. */
export interface LeaseTimes extends WorkTimings {
  renewEveryMs: number
  /** A worker stops its work after this time without a confirmed renewal. */
  lostAfterMs: number
  /** Helm ends after this time without a sign of life from its provisioner. */
  heartbeatTimeoutMs: number
  /** Between SIGTERM and SIGKILL of helm. */
  killAfterMs: number
}

/**
 * A worker's helm must be gone before another may take its claim over: lost and kill together are less than the lease.
 * Two renewals in a row may fail before the lease is lost.
 */
export function leaseTimes({ LEASE_MS }: Pick<ProvisionerConfig, 'LEASE_MS'>): LeaseTimes {
  const part = (of: number) => Math.round(LEASE_MS * of)
  return {
    ...workTimings(LEASE_MS),
    renewEveryMs: part(1 / 6),
    lostAfterMs: part(2 / 3),
    heartbeatTimeoutMs: part(1 / 2),
    killAfterMs: part(1 / 6),
  }
}
