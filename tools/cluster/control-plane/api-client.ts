import { Agent, request } from 'node:https'

const TIMEOUT_MS = 30_000

interface ApiRequest {
  method?: string
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  token?: string
}

export interface ApiAnswer {
  status: number
  /** Parsed where the server says JSON, else the text. */
  body: unknown
}

export type Api = (path: string, init?: ApiRequest) => Promise<ApiAnswer>

/** Calls the API server at `url`, trusting only `ca`; any HTTP status is an answer. */
export function apiClient(access: { url: string; ca: string; token: string }): Api {
  const agent = new Agent({ ca: access.ca, keepAlive: false })
  return async (path, init = {}) => {
    const { method = 'GET', body, contentType = 'application/json', token = access.token } = init
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers = { authorization: `Bearer ${token}`, 'content-type': contentType }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, access.url), { agent, method, headers, signal })
      sent.once('error', reject)
      sent.once('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const isJson = response.headers['content-type']?.startsWith('application/json')
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
        })
      })
      sent.end(payload)
    })
  }
}

/** Creates `object` at `path`, or updates what is there (server-side apply). */
export async function apply(api: Api, path: string, object: object): Promise<void> {
  const { status, body } = await api(`${path}?fieldManager=storewright&force=true`, {
    method: 'PATCH',
    contentType: 'application/apply-patch+yaml',
    body: object,
  })
  if (status !== 200 && status !== 201)
    throw new Error(`${path} was answered with ${status}: ${JSON.stringify(body)}`)
}
