import { z } from 'zod'
import { AppError, hasCode } from '#domain'
import { printable, redact } from '../redact.ts'
import { type Answer, parseJson, type ShopRequest } from './exchange.ts'

const SAID_CHARACTERS_MAX = 300
const errorBody = z.object({ message: z.string(), code: z.string().optional() })

interface Failing {
  secrets: string[]
  cause?: unknown
  /** The shop works, but its owner may have decided that this is not sold, or not so. */
  ownersChoice?: boolean
}

/** What an owner can make a working shop answer with, such as by another password or an empty window. */
const choices = new Set([400, 401, 403, 409, 410, 422, 429])

/** The order cannot be placed. `what` goes on after the request, such as `was answered with 500`. */
export function failed(
  request: ShopRequest,
  what: string,
  { secrets, cause, ownersChoice = false }: Failing,
): AppError {
  const { method = 'GET', path } = request
  // Ids and keys of the order stand in the query.
  const where = `${method} ${path.split('?')[0]}`
  return new AppError('SMOKE_TEST_FAILED', shown(`${where} ${what}`, secrets), {
    retryable: true,
    details: { ownersChoice },
    cause,
  })
}

interface Silence {
  cause: unknown
  /** The bound that was reached, where one was. */
  boundMs: number | undefined
  secrets: string[]
}

/** True for a failure that says nothing against the shop's working. */
export const isOwnersChoice = (error: unknown): error is AppError =>
  hasCode(error, 'SMOKE_TEST_FAILED') && error.details['ownersChoice'] === true

/** The shop did not answer, in time or at all. */
export function silence(request: ShopRequest, { cause, boundMs, secrets }: Silence): AppError {
  if (boundMs !== undefined)
    return failed(request, `was not answered within ${boundMs} ms`, { secrets, cause })
  const said = cause instanceof Error ? cause.message : String(cause)
  return failed(request, `was not answered: ${said}`, { secrets, cause })
}

/** The shop answered with a status that is not what the request needs. */
export function refusal(request: ShopRequest, answer: Answer, secrets: string[]): AppError {
  const to = answer.headers.location
  const said = to === undefined ? whatItSaid(answer) : `redirected to ${to}`
  const ownersChoice = choices.has(answer.status)
  const what = `was answered with ${answer.status}: ${said || 'nothing'}`
  return failed(request, what, { secrets, ownersChoice })
}

/** The shop answered, but not with what the request is for. */
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

// Both engines say `message`; a proxy or PHP says a page.
function whatItSaid({ text }: Answer): string {
  const { data } = errorBody.safeParse(parseJson(text))
  if (data === undefined) return text
  return data.code === undefined ? data.message : `${data.code}: ${data.message}`
}

function shown(text: string, secrets: string[]): string {
  return printable(redact(text, secrets), SAID_CHARACTERS_MAX, 'start')
}
