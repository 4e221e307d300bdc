import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { eventually } from '../eventually.ts'
import { holdAgainstContract } from '../http/contract.ts'

const store = z.object({
  id: z.string(),
  name: z.string(),
  status: z.string(),
  release: z.string(),
})
const page = z.object({
  stores: z.array(store),
  pagination: z.looseObject({
    total: z.int(),
    limit: z.int(),
    offset: z.int(),
    hasMore: z.boolean(),
  }),
})
const history = z.object({
  events: z.array(
    z.looseObject({ type: z.string(), data: z.looseObject({ worker: z.string().optional() }) }),
  ),
})

export interface RequestOptions {
  name?: string
  engine?: string
  parameters?: Record<string, string>
  headers?: Record<string, string>
}

/** What a user of the HTTP API does, over the real front. */
export function storeClient(url: string) {
  const fetch = heldFetch
  const get = (path: string, headers: Record<string, string> = {}) => fetch(url + path, { headers })
  const request = ({ headers = {}, ...given }: RequestOptions) =>
    fetch(`${url}/api/stores`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ name: 'Test Store', engine: 'woocommerce', ...given }),
    })
  const read = async (id: string) =>
    z.object({ store }).parse(await (await get(`/api/stores/${id}`)).json()).store
  const command = async (method: 'POST' | 'DELETE', path: string) => {
    const key = { 'idempotency-key': randomUUID() }
    const sent =
      method === 'POST'
        ? { method, headers: { ...key, 'content-type': 'application/json' }, body: '{}' }
        : { method, headers: key }
    const answer = await fetch(url + path, sent)
    if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`)
  }
  return {
    get,
    request,
    /** Sends a command about a store; throws unless it was accepted. */
    command,
    /** Requests a store and gives its id; throws unless it was accepted. */
    accepted: async (options: RequestOptions) => {
      const answer = await request(options)
      if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`)
      return z.object({ store }).parse(await answer.json()).store.id
    },
    list: async (query: string) => page.parse(await (await get(`/api/stores?${query}`)).json()),
    events: async (id: string) =>
      history.parse(await (await get(`/api/stores/${id}/events`)).json()).events,
    untilStatus: (id: string, status: string, timeoutMs = 60_000) =>
      eventually(
        async () => {
          const found = await read(id)
          if (found.status !== status) throw new Error(`${id} is ${found.status}, not ${status}`)
          return found
        },
        { timeoutMs, everyMs: 100 },
      ),
  }
}

/** As fetch; an answer that the OpenAPI document does not tell of is an error. */
export async function heldFetch(
  input: string | URL | Request,
  init?: RequestInit,
): Promise<Response> {
  const request = new Request(input, init)
  const { method, url } = request
  const answer = await fetch(request)
  const { status, headers } = answer
  // Its body never ends.
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') ?? false
  const text = isStream ? '' : await answer.text()
  holdAgainstContract({ method, url, status, headers, text })
  return isStream ? answer : new Response(status === 304 ? null : text, { status, headers })
}
