import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type ProjectorMetrics = ReturnType<typeof createMetrics>

/** The projector's own metrics, in a registry of their own. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    events: new Counter({
      name: 'projector_events_total',
      help: 'Events of the log written to the read models',
      registers,
    }),
    parked: new Counter({
      name: 'projector_parked_events_total',
      help: 'Events that could not be projected and were parked',
      registers,
    }),
    writes: new Histogram({
      name: 'projector_write_duration_seconds',
      help: 'Time of one transaction of rows and checkpoint',
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    position: new Gauge({
      name: 'projector_position',
      help: 'Position in the log of the last event in the read models',
      registers,
    }),
    lag: new Gauge({
      name: 'projector_lag_seconds',
      help: 'How long events at the end of the log have waited to be projected; 0 when all are',
      registers,
    }),
    leader: new Gauge({
      name: 'projector_leader',
      help: '1 when this process is the leader, which writes the read models',
      registers,
    }),
  }
}
