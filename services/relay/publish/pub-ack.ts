import type { Msg } from 'nats'
import { z } from 'zod'

const WRONG_LAST_SUBJECT_SEQUENCE = 10_071

/** What JetStream answered: under which sequence it has the event, if it says so, or why not. */
export type PubAck =
  { result: 'stored' | 'present'; sequence: number | undefined } | { refused: Error }

const answer = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' })
      return z.NEVER
    }
  })
  .pipe(
    z.object({
      seq: z.number().optional(),
      duplicate: z.boolean().optional(),
      error: z.object({ err_code: z.number(), description: z.string() }).optional(),
    }),
  )

/** Reads the answer to a publish. */
export function pubAckOf(message: Pick<Msg, 'headers' | 'string'>): PubAck {
  if (message.headers?.code === 503) return { refused: new Error('No stream takes events') }
  const parsed = answer.safeParse(message.string())
  if (!parsed.success) return { refused: parsed.error }
  const { seq, duplicate, error } = parsed.data
  if (error?.err_code === WRONG_LAST_SUBJECT_SEQUENCE)
    return { result: 'present', sequence: undefined }
  if (error !== undefined)
    return { refused: new Error(`JetStream refused an event: ${error.description}`) }
  if (seq === undefined) return { refused: new Error('JetStream answered without a sequence') }
  return { result: duplicate === true ? 'present' : 'stored', sequence: seq }
}
