import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

const ANSWER_BYTES_MAX = 4 * 1024 * 1024

export interface ShopRequest {
  method?: 'GET' | 'POST'
  /** What errors show. */
  path: string
  /** Sent after the path and never shown: ids and keys of an order. */
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: object
  /** Takes all the time that is left: what it does must not be done twice. */
  onceOnly?: boolean
}

interface Exchange {
  method: string
  url: URL
  headers: Record<string, string>
  /** Sent as JSON. */
  body: unknown
  signal: AbortSignal
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** One HTTP request on a connection of its own; any status is an answer, no redirect is followed. */
export async function exchange({ method, url, headers, body, signal }: Exchange): Promise<Answer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const sent = request(url, {
    method,
    signal,
    // The shop may be closing a kept connection, which also leads to one of its pods only.
    agent: false,
    headers: { ...headers, ...(payload !== undefined && { 'content-type': 'application/json' }) },
  })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    // Stays registered; later errors are reported by the response's own stream.
    sent.on('error', reject)
    sent.end(payload)
  })
  const text = await textOf(response)
  return { status: response.statusCode ?? 0, headers: response.headers, text }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX)
      throw new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The text as JSON; undefined for any other text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
