import { Counter, Gauge, Registry } from 'prom-client'

export type RelayMetrics = ReturnType<typeof createMetrics>

/** The relay's own metrics, in a registry of their own. */
export function createMetrics() {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    messages: new Counter({
      name: 'relay_messages_total',
      help: 'Events acknowledged by JetStream: stored, or present when they were there already',
      labelNames: ['result'] as const,
      registers,
    }),
    skipped: new Counter({
      name: 'relay_skipped_events_total',
      help: 'Events whose stream or type cannot be a subject and that are not published',
      registers,
    }),
    failures: new Counter({
      name: 'relay_failures_total',
      help: 'Times the relay had to begin again from the last message of the stream',
      registers,
    }),
    position: new Gauge({
      name: 'relay_position',
      help: 'Position in the log up to which every event is known to be in JetStream',
      registers,
    }),
    lag: new Gauge({
      name: 'relay_lag_seconds',
      help: 'How long events at the end of the log have waited to be read; 0 when all are',
      registers,
    }),
    failing: new Gauge({
      name: 'relay_failing',
      help: '1 while events cannot be published',
      registers,
    }),
    diverged: new Gauge({
      name: 'relay_diverged',
      help: '1 while JetStream holds events that the log does not, until it is resynchronised',
      registers,
    }),
  }
}
