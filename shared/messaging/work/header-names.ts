/** Headers of a message, beside CloudEvents' own `ce-*`. */
export const headerNames = {
  /** The id of the event; JetStream's own header of deduplication. */
  eventId: 'Nats-Msg-Id',
  /** The event's commit position in the log. */
  position: 'log-position',
  /** Up to this position of the log every event was in the stream before this message was sent. */
  completeTo: 'log-complete-to',
  correlationId: 'correlation-id',
  traceparent: 'traceparent',
} as const
