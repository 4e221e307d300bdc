import { z } from 'zod'
import { AppError, hasCode } from '#domain'
import { printable, redact } from '../redact.ts'
import { type Answer, parseJson, type ShopRequest } from './exchange.ts'

const SAID_CHARACTERS_MAX = 300
const errorBody = z.object({ message: z.string(), code: z.string().optional() })

interface Failing {
  secrets: string[]
  cause?: unknown
  /** The shop works, and its owner may have caused this by a choice. */
  ownersChoice?: boolean
  /** It is unknown what the request has done. */
  unanswered?: boolean
}

/** What a gateway or a Service answers while nothing behind it answers. */
export const isNotYet = ({ status }: Answer): boolean => [502, 503, 504].includes(status)

/** Statuses that an owner can cause in a working shop, as by another password or by selling nothing. */
const choices = new Set([400, 401, 403, 409, 410, 422, 429])

/** The error for an order that cannot be placed. `what` follows the request, as in `was answered with 500`. */
export function failed(
  request: ShopRequest,
  what: string,
  { secrets, cause, ownersChoice = false, unanswered = false }: Failing,
): AppError {
  const { method = 'GET', path } = request
  return new AppError('SMOKE_TEST_FAILED', shown(`${method} ${path} ${what}`, secrets), {
    retryable: true,
    details: { ownersChoice, unanswered },
    cause,
  })
}

interface Silence {
  cause: unknown
  /** The limit that was reached, if one was. */
  boundMs: number | undefined
  secrets: string[]
}

/** True for a failure that a choice of the owner may explain. */
export const isOwnersChoice = (error: unknown): error is AppError =>
  hasCode(error, 'SMOKE_TEST_FAILED') && error.details['ownersChoice'] === true

/** True for a failure after which it is unknown what the request has done. */
export const isUnanswered = (error: unknown): boolean =>
  hasCode(error, 'SMOKE_TEST_FAILED') && error.details['unanswered'] === true

/** The shop did not answer, in time or at all. */
export function silence(request: ShopRequest, { cause, boundMs, secrets }: Silence): AppError {
  const failing = { secrets, cause, unanswered: true }
  if (boundMs !== undefined)
    return failed(request, `was not answered within ${boundMs} ms`, failing)
  const said = cause instanceof Error ? cause.message : String(cause)
  return failed(request, `was not answered: ${said}`, failing)
}

/** The shop answered with a status that the request does not allow. */
export function refusal(request: ShopRequest, answer: Answer, secrets: string[]): AppError {
  const to = answer.headers.location
  const said = to === undefined ? whatItSaid(answer) : `redirected to ${to}`
  const ownersChoice = choices.has(answer.status)
  const what = `was answered with ${answer.status}: ${said || 'nothing'}`
  return failed(request, what, { secrets, ownersChoice, unanswered: isNotYet(answer) })
}

/** The shop's answer lacks required fields or is no JSON. */
export function unusable(
  request: ShopRequest,
  { answer, error, secrets }: { answer: Answer; error: z.ZodError; secrets: string[] },
): AppError {
  const type = answer.headers['content-type'] ?? 'no type'
  if (parseJson(answer.text) === undefined)
    return failed(request, `was answered with ${type} instead of JSON: ${answer.text}`, { secrets })
  const lacking = error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  return failed(
    request,
    `was answered with ${answer.status}, but the response lacks required fields: ${lacking.join('; ')}`,
    { secrets },
  )
}

// The engines send a `message`; a proxy or PHP sends a page.
function whatItSaid({ text }: Answer): string {
  const { data } = errorBody.safeParse(parseJson(text))
  if (data === undefined) return text
  return data.code === undefined ? data.message : `${data.code}: ${data.message}`
}

function shown(text: string, secrets: string[]): string {
  return printable(redact(text, secrets), SAID_CHARACTERS_MAX, 'start')
}
