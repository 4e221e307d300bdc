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
      help: 'Claims taken over from a worker whose lease has expired',
      registers,
    }),
    messagesInProgress: new Gauge({
      name: 'provisioner_messages_in_progress',
      help: 'Messages this process is handling now',
      registers,
    }),
    unreadable: new Counter({
      name: 'provisioner_unreadable_streams_total',
      help: 'Reads of a stream that this version cannot decode',
      registers,
    }),
    swept: new Counter({
      name: 'provisioner_swept_stores_total',
      help: 'Silent stores for which the sweep has notified the provisioners',
      registers,
    }),
  }
}
