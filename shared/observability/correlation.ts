import { randomUUID } from 'node:crypto'

const acceptable = /^[\w.:/+=@-]{1,128}$/

/** The caller's correlation id when it is short and printable, else a new one. */
export function correlationIdOf(given: string | undefined): string {
  return given !== undefined && acceptable.test(given) ? given : randomUUID()
}

const traceparentFormat = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** The W3C traceparent when it is well formed; undefined otherwise, as the standard asks. */
export function traceparentOf(given: string | undefined): string | undefined {
  return given !== undefined && traceparentFormat.test(given) ? given : undefined
}
