import createFetchClient, { type Client } from 'openapi-fetch'
import { type components, keyedOperations, type paths } from './schema.js'
import { type ClientOptions, passing, patientFetch, pause } from './patient-fetch.js'
import { changesIn } from './stream.js'

export type { ClientOptions, components, paths }
export type Store = components['schemas']['Store']
export type Problem = components['schemas']['Problem']

const POLL_MS = 2_000

export interface WaitOptions {
  signal?: AbortSignal
  /** How often the store is read where no stream can be had. */
  pollMs?: number
}

/** The API refused, or something in front of it did: then there is no problem document. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly status: number
  readonly problem: Problem | undefined
  /** Whether the same request may succeed later. */
  readonly mayPass: boolean

  constructor(status: number, problem: Problem | undefined) {
    super(problem === undefined ? `Answered ${status}` : `${problem.code}: ${problem.detail}`)
    this.status = status
    this.problem = problem
    this.mayPass = problem?.retryable ?? passing.includes(status)
  }
}

/** What the operation answered. Throws a ProblemError when it was refused. */
export function dataOf<T>(result: { data?: T; error?: unknown; response: Response }): T {
  const { data, error, response } = result
  if (response.ok && data !== undefined) return data
  throw new ProblemError(response.status, isProblem(error) ? error : undefined)
}

const isProblem = (error: unknown): error is Problem =>
  typeof error === 'object' && error !== null && 'code' in error && 'detail' in error

export interface StorewrightClient {
  /** Every operation of the document, typed: `api.POST('/api/v1/stores', {body})`. */
  api: Client<paths>
  /** Every store of a list, page by page. */
  stores: (query?: StoreQuery) => AsyncGenerator<Store>
  /** Resolves to the store when it is ready. Throws a StoreEndedError when it failed or is deleted. */
  waitUntilReady: (id: string, options?: WaitOptions) => Promise<Store>
}

type StoreQuery = Omit<
  NonNullable<paths['/api/v1/stores']['get']['parameters']['query']>,
  'cursor' | 'offset'
>

/** The store will not become ready by itself. */
export class StoreEndedError extends Error {
  override readonly name = 'StoreEndedError'
  readonly store: Store

  constructor(store: Store) {
    super(`The store is ${store.status}: ${store.failure?.detail ?? 'it is not provisioned'}`)
    this.store = store
  }
}

/** A client with idempotency keys and retries built in. */
export function createClient(options: ClientOptions): StorewrightClient {
  const { tenant } = options
  const baseUrl = options.baseUrl.replace(/\/+$/, '')
  const send = patientFetch(options)
  const sendOnce = patientFetch({ ...options, tries: 1 })
  const api = createFetchClient<paths>({ baseUrl, fetch: (request) => send(request) })
  api.use({
    onRequest: ({ request, schemaPath }) => {
      const takesKey = keyedOperations.includes(`${request.method} ${schemaPath}`)
      if (takesKey && !request.headers.has('idempotency-key'))
        request.headers.set('idempotency-key', crypto.randomUUID())
    },
  })
  const named = tenant === undefined ? {} : { tenant }

  async function* stores(query: StoreQuery = {}): AsyncGenerator<Store> {
    let cursor: string | undefined
    do {
      const page = { ...named, ...query, ...(cursor === undefined ? {} : { cursor }) }
      const list = dataOf(await api.GET('/api/v1/stores', { params: { query: page } }))
      yield* list.stores
      cursor = list.pagination.nextCursor ?? undefined
    } while (cursor !== undefined)
  }

  const read = async (id: string, signal: AbortSignal): Promise<Store> => {
    const params = { path: { id }, query: named }
    return dataOf(await api.GET('/api/v1/stores/{id}', { params, signal })).store
  }

  /** The live stream; undefined where it cannot be had, and polling has to do. */
  const openStream = async (signal: AbortSignal) => {
    const query = tenant === undefined ? '' : `?${new URLSearchParams({ tenant }).toString()}`
    const headers = { accept: 'text/event-stream' }
    const request = new Request(`${baseUrl}/api/v1/stores/stream${query}`, { signal, headers })
    const answer = await sendOnce(request).catch(() => undefined)
    signal.throwIfAborted()
    if (answer?.ok === true && answer.body !== null) return answer.body
    await answer?.body?.cancel()
    return undefined
  }

  const waitUntilReady = async (id: string, wait: WaitOptions = {}): Promise<Store> => {
    const { signal = new AbortController().signal, pollMs = POLL_MS } = wait
    for (;;) {
      signal.throwIfAborted()
      const left = new AbortController()
      const stop = AbortSignal.any([signal, left.signal])
      try {
        // The stream first, so that nothing is missed between the two.
        const changes = await openStream(stop)
        const store = await read(id, stop)
        if (isReady(store)) return store
        for await (const changed of changes === undefined ? [] : changesIn(changes)) {
          // A heartbeat is an occasion to look whether the stream has missed something.
          const now = changed ?? (await read(id, stop))
          if (now.id === id && isReady(now)) return now
        }
      } catch (error) {
        if (error instanceof StoreEndedError) throw error
        // What the API cannot say now it may say later.
        if (error instanceof ProblemError && !error.mayPass) throw error
        signal.throwIfAborted()
      } finally {
        left.abort()
      }
      // There is no stream, or it ended or broke.
      await pause(pollMs, signal)
    }
  }

  return { api, stores, waitUntilReady }
}

const ended: readonly string[] = ['failed', 'upgrade-failed', 'cancelling', 'deleting', 'deleted']

function isReady(store: Store): boolean {
  if (ended.includes(store.status)) throw new StoreEndedError(store)
  return store.status === 'ready'
}
