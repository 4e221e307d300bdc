import { setTimeout as wait } from 'node:timers/promises'
import type { z } from 'zod'
import { AppError } from '#domain'
import { type Answer, exchange, parseJson, type ShopRequest } from './exchange.ts'
import { failed, isNotYet, refusal, silence, unusable } from './failures.ts'

const REQUEST_LIMIT_MS = 20_000
const KNOCK_EVERY_MS = 500

/** A shop as its customers see it. Everything here throws SMOKE_TEST_FAILED. */
export interface Shop {
  /** Any status is an answer. */
  send: (request: ShopRequest) => Promise<Answer>
  /** The parsed answer to a request that must succeed. */
  call: <T>(request: ShopRequest, schema: z.ZodType<T>) => Promise<T>
  /** Waits until the shop answers at all: it is asked again and again until the limit. */
  untilOpen: (path: string) => Promise<void>
  /** Asks again and again until an answer is as expected; throws at the limit. */
  until: (request: ShopRequest, isExpected: (answer: Answer) => boolean) => Promise<void>
  /** The error for an answer whose status is not what the request needs. */
  refusal: (request: ShopRequest, answer: Answer) => AppError
  /** The error for an answer that makes the order impossible; `what` follows the request. */
  failure: (request: ShopRequest, what: string) => AppError
  /** From now on no error shows this text. */
  keepSecret: (text: string) => void
  /** How many requests were sent. */
  requests: () => number
}

export interface ShopOptions {
  baseUrl: string
  host: string
  signal: AbortSignal
  limitMs: number
  secrets: string[]
  /** The limit of one request, unless it may be sent once only. */
  requestLimitMs?: number
}

/** Opens a shop for one test: as its gateway would call it, with `limitMs` for everything. */
export function openShop(options: ShopOptions): Shop {
  const { baseUrl, host, signal: stop, limitMs, secrets } = options
  const { requestLimitMs = REQUEST_LIMIT_MS } = options
  const base = baseUrl.replace(/\/+$/, '')
  const limit = AbortSignal.timeout(limitMs)
  const hidden = [...secrets]
  let sent = 0

  const send = async (request: ShopRequest): Promise<Answer> => {
    const { method = 'GET', headers: more, body, onceOnly = false } = request
    const url = new URL(base + pathAndQuery(request))
    // Engines refuse to sell, or set no cookie, unless the request looks as if it came by TLS.
    const headers = { host, 'x-forwarded-proto': 'https', accept: 'application/json', ...more }
    const own = onceOnly ? [] : [AbortSignal.timeout(requestLimitMs)]
    const signal = AbortSignal.any([stop, limit, ...own])
    sent++
    try {
      return await exchange({ method, url, headers, body, signal })
    } catch (cause) {
      stop.throwIfAborted()
      const boundMs = limit.aborted ? limitMs : signal.aborted ? requestLimitMs : undefined
      throw silence(request, { cause, boundMs, secrets: hidden })
    }
  }

  const call = async <T>(request: ShopRequest, schema: z.ZodType<T>): Promise<T> => {
    const answer = await send(request)
    if (answer.status < 200 || answer.status > 299) throw refusal(request, answer, hidden)
    const parsed = schema.safeParse(parseJson(answer.text))
    if (!parsed.success) throw unusable(request, { answer, error: parsed.error, secrets: hidden })
    return parsed.data
  }

  const knock = async (path: string): Promise<AppError | 'open'> => {
    try {
      const answer = await send({ path })
      // An owner may redirect the front page; the requests that follow test the shop itself.
      if (answer.status >= 200 && answer.status < 400) return 'open'
      const error = refusal({ path }, answer, hidden)
      if (isNotYet(answer)) return error
      throw error
    } catch (error) {
      // A shop that refuses is open; only silence may still end.
      if (error instanceof AppError && error.cause !== undefined) return error
      throw error
    }
  }

  const untilOpen = async (path: string): Promise<void> => {
    const signal = AbortSignal.any([stop, limit])
    for (let last: AppError | undefined; ;) {
      const outcome = await knock(path)
      if (outcome === 'open') return
      if (limit.aborted) throw last ?? outcome
      last = outcome
      await wait(KNOCK_EVERY_MS, undefined, { signal }).catch(() => {})
      stop.throwIfAborted()
      if (limit.aborted) throw last
    }
  }

  const until = async (request: ShopRequest, isExpected: (answer: Answer) => boolean) => {
    while (!isExpected(await send(request))) {
      await wait(KNOCK_EVERY_MS, undefined, { signal: AbortSignal.any([stop, limit]) })
    }
  }

  return {
    send,
    call,
    untilOpen,
    until,
    refusal: (request, answer) => refusal(request, answer, hidden),
    failure: (request, what) => failed(request, what, { secrets: hidden, ownersChoice: true }),
    keepSecret: (text) => hidden.push(text),
    requests: () => sent,
  }
}

// Not by URLSearchParams alone: a WordPress route keeps its slashes, as errors show it.
function pathAndQuery({ path, query }: ShopRequest): string {
  if (query === undefined) return path
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`
}
