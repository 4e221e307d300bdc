const text = { type: 'string' } as const
const seconds = { type: 'integer', minimum: 0 } as const

/** The headers that answers have, as OpenAPI describes them. */
export const answerHeaders = {
  'X-Correlation-ID': {
    description: "The request's own, or a new one; the log and the events have it too",
    schema: { ...text, maxLength: 128 },
  },
  'RateLimit-Policy': {
    description: 'Requests (q) a window of seconds (w)',
    schema: text,
    example: '"default";q=6000;w=60',
  },
  RateLimit: {
    description: 'Requests that are left (r), and seconds until they are filled up (t)',
    schema: text,
    example: '"default";r=5999;t=60',
  },
  ETag: { description: "The store's revision", schema: text, example: '"3"' },
  Location: { description: 'Where the store is', schema: { ...text, format: 'uri-reference' } },
  Link: { description: 'The next page, rel="next"', schema: text },
  'X-Position': {
    description: 'A command: where it was stored. A read: how far the read models are',
    schema: text,
  },
  'X-Read-Lag': {
    description: 'Seconds for which the read models have been behind the log',
    schema: { type: 'number', minimum: 0 },
  },
  'Idempotency-Replayed': {
    description: 'true: the answer to an earlier request with the same key',
    schema: { ...text, const: 'true' },
  },
  'Content-Disposition': { description: 'A name for the file', schema: text },
  'Retry-After': { description: 'Seconds after which to ask (again)', schema: seconds },
  'WWW-Authenticate': { description: 'RFC 6750 §3', schema: text },
} as const

/** Those of every answer to a request whose caller is known. */
export const commonAnswerHeaders = ['X-Correlation-ID', 'RateLimit', 'RateLimit-Policy'] as const

/** The headers of a problem of this status, beside those. */
export function headersOfProblem(status: number, isRead: boolean): (keyof typeof answerHeaders)[] {
  // Known before a read fails.
  const ofRead = isRead ? (['X-Position', 'X-Read-Lag'] as const) : []
  if (status === 401 || status === 403) return ['WWW-Authenticate', ...ofRead]
  return [...([409, 429, 503].includes(status) ? (['Retry-After'] as const) : []), ...ofRead]
}

/** The headers that every request may have. */
export const commonRequestHeaders = {
  CorrelationId: {
    name: 'X-Correlation-ID',
    in: 'header',
    description:
      'Echoed, and kept in the log and in the events that the request causes. ' +
      'Takes 1–128 letters, digits or _ . : / + = @ -; instead of anything else the request gets a new one',
    schema: text,
  },
  Traceparent: {
    name: 'traceparent',
    in: 'header',
    description: 'W3C trace context',
    schema: text,
  },
} as const

const written: Record<string, string> = { etag: 'ETag', 'last-event-id': 'Last-Event-ID' }

/** A header's name as people write it. */
export const nameOfHeader = (name: string): string =>
  written[name] ?? name.replaceAll(/(?:^|-)./g, (start) => start.toUpperCase())
