import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type ProvisionerMetrics = ReturnType<typeof createMetrics>

/** The provisioner's own metrics, in a registry of their own. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    attempts: new Counter({
      name: 'provisioner_attempts_total',
      help: 'Ended attempts: deployed, adopted, removed, failed, or lost to another claim',
      labelNames: ['kind', 'outcome'] as const,
      registers,
    }),
    duration: new Histogram({
      name: 'provisioner_attempt_duration_seconds',
      help: 'Time from a claim to the end of its attempt',
      labelNames: ['kind'] as const,
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 180, 600],
      registers,
    }),
    takeOvers: new Counter({
      name: 'provisioner_take_overs_total',
      help: 'Claims taken over from a worker that showed no sign of life',
      registers,
    }),
    busySlots: new Gauge({
      name: 'provisioner_busy_slots',
      help: 'Messages this process is looking after now',
      registers,
    }),
    unreadable: new Counter({
      name: 'provisioner_unreadable_streams_total',
      help: 'Looks at a store whose stream this version cannot read',
      registers,
    }),
    swept: new Counter({
      name: 'provisioner_swept_stores_total',
      help: 'Silent stores the sweep has rung for again',
      registers,
    }),
  }
}
