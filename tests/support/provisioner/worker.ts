import { openLeases, type WorkMessage } from '#messaging'
import { createLogger, limitLines } from '#observability'
import { installationOf, leaseTimes, parseConfig } from '../../../services/provisioner/config.ts'
import { createMetrics } from '../../../services/provisioner/metrics.ts'
import type { Driver } from '../../../services/provisioner/reconcile/driver.ts'
import { limitTenants } from '../../../services/provisioner/worker/concurrency.ts'
import { openQuotas } from '../../../services/provisioner/worker/release-quota.ts'
import { endedClaims, type Worker } from '../../../services/provisioner/worker/worker.ts'
import type { provisionerWorld } from './provisioner-world.ts'

type World = Pick<
  Awaited<ReturnType<typeof provisionerWorld>>,
  'eventStore' | 'messaging' | 'environment'
>

/** A worker in this process, with a driver that fails whatever it is asked for. */
export function workerOf(
  { eventStore, messaging, environment }: World,
  change: Partial<Worker> = {},
): Worker {
  const config = parseConfig(environment)
  const lease = leaseTimes(config)
  const unlimited = () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() })
  return {
    workerId: 'in-process',
    eventStore,
    quotas: openQuotas(change.eventStore ?? eventStore),
    leases: openLeases(messaging, lease),
    driver: failingDriver(() => new Error('The release was touched')),
    logger: createLogger({ service: 'test', level: 'silent' }),
    limited: limitLines(),
    metrics: createMetrics(),
    chartsDir: config.CHARTS_DIR,
    installation: installationOf(config),
    retryDelaysMs: [],
    lease,
    resultRetryMs: config.RESULT_RETRY_MS,
    now: () => new Date().toISOString(),
    stopping: new AbortController().signal,
    tenantConcurrency: limitTenants(1),
    globalConcurrency: { acquire: unlimited, tryAcquireFor: unlimited, close: () => {} },
    turns: { before: async () => undefined, begin: () => {} },
    ended: endedClaims(),
    ...change,
  }
}

/** A driver of which every method fails. */
export function failingDriver(failure: () => Error): Driver {
  const fail = () => Promise.reject(failure())
  return {
    observe: fail,
    fence: fail,
    deploy: fail,
    unlock: fail,
    inventory: fail,
    uninstall: fail,
  }
}

/** A message about a store, and how it was settled. */
export function messageOf(storeId: string): WorkMessage & { settled: string[] } {
  const settled: string[] = []
  return {
    storeId,
    subject: '',
    deliveries: 1,
    streamSequence: 1,
    settled,
    working: () => Promise.resolve(true),
    ack: () => {
      settled.push('ack')
      return Promise.resolve(true)
    },
    requeueAfter: () => void settled.push('requeue'),
    park: () => void settled.push('park'),
  }
}
