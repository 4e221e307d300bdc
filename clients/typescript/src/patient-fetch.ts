export interface ClientOptions {
  /** Where the API is, without `/api/v1`; with the prefix where a proxy has one. */
  baseUrl: string
  /** An API key or an access token; a function is asked before every request. */
  credential?: string | (() => string | Promise<string>)
  /** For an operator: whose stores are meant. */
  tenant?: string
  /** How often a request is sent at most. */
  tries?: number
  fetch?: typeof fetch
}

/** Statuses that say so of themselves, where something in front of the API answers. */
export const passing: readonly number[] = [429, 502, 503, 504]

const TRIES = 5
const PAUSE_FIRST_MS = 250
const PAUSE_MAX_MS = 30_000
const WAIT_MAX_MS = 15 * 60_000

/**
 * Fetch that says who is asking, and sends again what may succeed later: after as long as `Retry-After` says. A command
 * is sent again only where it has a key by which it happens once.
 */
export function patientFetch(options: ClientOptions) {
  const { credential, tenant, tries = TRIES } = options
  const send = options.fetch ?? fetch
  return async (given: Request): Promise<Response> => {
    const request = new Request(given)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (credential !== undefined) {
      const text = typeof credential === 'string' ? credential : await credential()
      request.headers.set('authorization', `Bearer ${text}`)
    }
    if (!isRead && tenant !== undefined && !request.headers.has('x-tenant'))
      request.headers.set('x-tenant', tenant)
    const isSafeTwice = isRead || request.headers.has('idempotency-key')
    for (let tried = 1; ; tried++) {
      const isLast = tried >= tries
      let waitMs = Math.min(PAUSE_FIRST_MS * 2 ** (tried - 1), PAUSE_MAX_MS)
      waitMs *= 0.5 + Math.random() / 2
      try {
        const answer = await send(request.clone())
        // Beyond the rate limit nothing happened. Else a command without a key could happen twice.
        const mayRepeat = isSafeTwice || answer.status === 429
        if (isLast || !mayRepeat || !(await isRetryable(answer))) return answer
        waitMs = retryAfterMs(answer) ?? waitMs
        await answer.body?.cancel()
      } catch (error) {
        request.signal.throwIfAborted()
        if (isLast || !isSafeTwice) throw error
      }
      await pause(waitMs, request.signal)
    }
  }
}

/** Whether the problem says that the same request may succeed later. */
async function isRetryable(answer: Response): Promise<boolean> {
  if (answer.status < 400) return false
  if (!(answer.headers.get('content-type') ?? '').includes('application/problem+json'))
    return passing.includes(answer.status)
  const problem: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined)
  return (
    typeof problem === 'object' &&
    problem !== null &&
    'retryable' in problem &&
    problem.retryable === true
  )
}

/** What `Retry-After` says, as seconds or as a date; undefined when it says nothing. */
function retryAfterMs(answer: Response): number | undefined {
  const text = answer.headers.get('retry-after')
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), WAIT_MAX_MS)
}

/** Resolves after the time; rejects when the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}
