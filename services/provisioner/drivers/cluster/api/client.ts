import type { IncomingMessage } from 'node:http'
import { Agent, request, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { z } from 'zod'
import { AppError } from '#domain'

const TIMEOUT_MS = 15_000
// Shorter than any server's keep-alive: a connection is never used while the server closes it.
const IDLE_MS = 20_000
const ANSWER_BYTES_MAX = 32 * 1024 * 1024

interface ApiRequest {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  query?: Record<string, string>
  /** Sent as JSON. */
  body?: object
  contentType?: string
  accept?: string
  signal?: AbortSignal
}

export interface ApiAnswer {
  status: number
  /** Parsed where the server says JSON, else the text. */
  body: unknown
}

/** One call to the API server; any HTTP status is an answer. Throws CLUSTER_UNREACHABLE when none comes in 15 s. */
export type Api = (path: string, init?: ApiRequest) => Promise<ApiAnswer>

/** Calls the API server with these credentials; tokens that change on disk are read again. */
export function openApi(credentials: KubeConfig): Api {
  const server = credentials.getCurrentCluster()?.server ?? ''
  return async (path, init = {}) => {
    const url = new URL(server.replace(/\/$/, '') + path)
    for (const [name, value] of Object.entries(init.query ?? {})) url.searchParams.set(name, value)
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const signal = init.signal === undefined ? timeout : AbortSignal.any([timeout, init.signal])
    try {
      return await Promise.race([send(credentials, url, { ...init, signal }), aborted(signal)])
    } catch (cause) {
      throw new AppError('CLUSTER_UNREACHABLE', `${url.origin} does not answer: ${textOf(cause)}`, {
        retryable: true,
        cause,
      })
    }
  }
}

async function send(credentials: KubeConfig, url: URL, init: ApiRequest): Promise<ApiAnswer> {
  const {
    method = 'GET',
    body,
    contentType = 'application/json',
    accept = 'application/json',
  } = init
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const headers = { accept, ...(payload !== undefined && bodyHeaders(payload, contentType)) }
  const options: RequestOptions = { method, headers }
  if (init.signal !== undefined) options.signal = init.signal
  await credentials.applyToHTTPSOptions(options)
  options.agent = keepingAlive(options.agent)
  return new Promise((resolve, reject) => {
    const sent = request(url, options)
    sent.once('error', reject)
    sent.once('response', (response) => {
      void readBody(response).then(resolve, reject)
    })
    sent.end(payload)
  })
}

// Node sends the body of a DELETE without a length: the server would read its preconditions as the next request.
function bodyHeaders(payload: string, contentType: string) {
  return { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }
}

const keptAlive = new WeakMap<object, Agent>()

/** The client's own agent makes a TLS handshake for every call, which costs more than the call. */
function keepingAlive(agent: RequestOptions['agent']): RequestOptions['agent'] {
  if (!(agent instanceof Agent)) return agent
  const kept =
    keptAlive.get(agent) ?? new Agent({ ...agent.options, keepAlive: true, timeout: IDLE_MS })
  keptAlive.set(agent, kept)
  return kept
}

async function readBody(response: IncomingMessage): Promise<ApiAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(Buffer.from(chunk))
    bytes += Buffer.byteLength(chunk)
    if (bytes > ANSWER_BYTES_MAX) throw new Error('The answer is too large')
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const isJson = response.headers['content-type']?.startsWith('application/json')
  return { status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text }
}

// Credentials may come from another program, which has no timeout of its own.
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

const status = z.object({ message: z.string() })

/** The error for an answer with which the API server refuses a request. */
export function refused(what: string, answer: ApiAnswer): AppError {
  const { data } = status.safeParse(answer.body)
  const said = data?.message ?? String(answer.body).slice(0, 200)
  return new AppError('CLUSTER_REFUSED', `${what} was answered with ${answer.status}: ${said}`, {
    retryable: true,
    details: { status: answer.status },
  })
}

/** True for an error that says the caller lacks a right. */
export function isForbidden(error: unknown): boolean {
  return (
    error instanceof AppError && error.code === 'CLUSTER_REFUSED' && error.details['status'] === 403
  )
}

/** True for an error that says the object has changed since it was read. */
export function isConflict(error: unknown): boolean {
  return (
    error instanceof AppError && error.code === 'CLUSTER_REFUSED' && error.details['status'] === 409
  )
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
