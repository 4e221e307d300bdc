import { NatsError } from 'nats'

const STREAM_NOT_FOUND = 10_059
const CONSUMER_NOT_FOUND = 10_014
const MESSAGE_NOT_FOUND = 10_037
const WRONG_LAST_SEQUENCE = 10_071
const STREAM_NAME_IN_USE = 10_058
/** Of an account, of its streams, of a server, of a cluster. */
const NO_ROOM = [10_002, 10_122, 10_047, 10_005]
const CONSUMER_EXISTS = [10_013, 10_105, 10_148]

/** The server's own code of a refused JetStream call; undefined for anything else. */
function apiErrorCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.jsError()?.err_code : undefined
}

/** The answer, or undefined when the stream, consumer or message asked for does not exist. */
export async function ifPresent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    const code = apiErrorCode(error)
    const absent = [STREAM_NOT_FOUND, CONSUMER_NOT_FOUND, MESSAGE_NOT_FOUND]
    if (code !== undefined && absent.includes(code)) return undefined
    throw error
  }
}

/** True when another was faster and made it with other settings. */
export function isTaken(error: unknown): boolean {
  const code = apiErrorCode(error)
  return code !== undefined && [STREAM_NAME_IN_USE, ...CONSUMER_EXISTS].includes(code)
}

/** True when the subject has another last message than the writer believed. */
export function isOutdated(error: unknown): boolean {
  return apiErrorCode(error) === WRONG_LAST_SEQUENCE
}

/** True when the server or the account has less room than a stream was to reserve. */
export function isTooLarge(error: unknown): boolean {
  const code = apiErrorCode(error)
  return code !== undefined && NO_ROOM.includes(code)
}

/** True when JetStream answered, and said no. */
export function isRefused(error: unknown): boolean {
  return apiErrorCode(error) !== undefined
}
