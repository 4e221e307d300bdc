import { setTimeout as wait } from 'node:timers/promises'
import { Gauge, type Registry } from 'prom-client'
import type { EventStore } from '#eventstore'
import type { Logger } from '#observability'
import type { Freshness } from './freshness.ts'

interface WatchOptions {
  store: EventStore
  freshness: Freshness
  registry: Registry
  logger: Logger
  signal: AbortSignal
}

const EVERY_MS = 1_000

/** Measures how long the read models have been behind the log: in seconds, or undefined while the log does not answer. */
export function watchLag(options: WatchOptions): { seconds: () => number | undefined } {
  const { registry, freshness } = options
  let lag: number | undefined
  const gauge = new Gauge({
    name: 'read_model_lag_seconds',
    help: 'Time for which the read models have not held the newest event',
    registers: [],
    collect(): void {
      this.set(lag ?? Number.NaN)
    },
  })
  registry.registerMetric(gauge)
  void watch(options, (head, behindSince) => {
    if (head === undefined) lag = undefined
    else if (freshness.position() >= head) lag = 0
    else lag = Math.round((performance.now() - behindSince) / 100) / 10
  })
  return { seconds: () => lag }
}

async function watch(
  { store, freshness, logger, signal }: WatchOptions,
  onSample: (head: bigint | undefined, behindSince: number) => void,
): Promise<void> {
  let behindSince = performance.now()
  while (!signal.aborted) {
    try {
      const head = (await store.head())?.position ?? 0n
      if (freshness.position() >= head) behindSince = performance.now()
      onSample(head, behindSince)
    } catch (err) {
      logger.debug({ err }, 'the lag of the read models is not known')
      onSample(undefined, behindSince)
    }
    await wait(EVERY_MS, undefined, { signal }).catch(() => {})
  }
}
