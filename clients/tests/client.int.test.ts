import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import {
  createClient,
  dataOf,
  ProblemError,
  type Store,
  StoreEndedError,
} from '../typescript/src/index.ts'
import { wholeApi } from './api.ts'

const AN_HOUR_MS = 3_600_000
const body = { name: 'Test Store', engine: 'woocommerce' } as const

let world: Awaited<ReturnType<typeof wholeApi>>

beforeAll(async () => {
  world = await wholeApi()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

type Fetch = typeof fetch

/** A client whose requests are written down; `through` may do otherwise than to send one. */
function recordingClient(through: (send: Fetch, tried: number) => Fetch = (send) => send) {
  const sent: Request[] = []
  const record: Fetch = (input, init) => {
    const request = new Request(input, init)
    sent.push(request.clone())
    return through(fetch, sent.length)(request)
  }
  const client = createClient({ ...world.options, fetch: record })
  return { ...client, sent, sentTo: (end: string) => sent.filter(({ url }) => url.includes(end)) }
}

const request = async ({ api }: Pick<ReturnType<typeof createClient>, 'api'>): Promise<Store> =>
  dataOf(await api.POST('/api/v1/stores', { body })).store

test('the live stream tells when a store is ready', async () => {
  let first: Response | undefined
  // Reading the store shows what it was at first.
  const client = recordingClient((send) => async (input, init) => {
    const answer = await send(input, init)
    if (!(input instanceof Request) || !/stores\/[\w-]{36}/.test(input.url)) return answer
    first ??= answer
    return first.clone()
  })
  const { id } = await request(client)

  const waiting = client.waitUntilReady(id, { pollMs: AN_HOUR_MS })
  // The stream is open before the store is read.
  await eventually(() => expect(first).toBeDefined())
  await world.provision(id)

  expect(await waiting).toMatchObject({ id, status: 'ready', url: 'https://x' })
  expect(client.sentTo('/stores/stream')).toHaveLength(1)
})

test('a store is polled where no stream can be had', async () => {
  const client = recordingClient((send) => async (input, init) => {
    if (input instanceof Request && input.url.includes('/stream'))
      return new Response('no streams here', { status: 502 })
    return send(input, init)
  })
  const { id } = await request(client)

  const waiting = client.waitUntilReady(id, { pollMs: 25 })
  await eventually(() => expect(client.sentTo(`/stores/${id}`).length).toBeGreaterThan(1))
  await world.provision(id)

  expect(await waiting).toMatchObject({ id, status: 'ready' })
})

test('a stream that breaks is opened again', async () => {
  const client = recordingClient((send) => async (input, init) => {
    if (input instanceof Request && input.url.includes('/stream'))
      return new Response('event: open\ndata: {}\n\n')
    return send(input, init)
  })
  const { id } = await request(client)

  const waiting = client.waitUntilReady(id, { pollMs: 25 })
  await eventually(() => expect(client.sentTo('/stream').length).toBeGreaterThan(1))
  await world.provision(id)

  expect(await waiting).toMatchObject({ id, status: 'ready' })
})

test('waiting goes on when the API cannot say for a while how the store is', async () => {
  let refusals = 0
  const client = recordingClient((send) => async (input, init) => {
    const isRead = input instanceof Request && /stores\/[\w-]{36}/.test(input.url)
    // More often than a request is sent again.
    if (!isRead || refusals++ >= 7) return send(input, init)
    return problemAnswer({ status: 503, retryable: true, retryAfter: '0' })
  })
  const { id } = await request(client)
  await world.provision(id)

  expect(await client.waitUntilReady(id, { pollMs: 25 })).toMatchObject({ id, status: 'ready' })
})

test('waiting ends with an error when the store failed', async () => {
  const client = recordingClient()
  const { id } = await request(client)
  await world.fail(id)

  const error: unknown = await client.waitUntilReady(id).catch((reason: unknown) => reason)

  expect(error).toBeInstanceOf(StoreEndedError)
  expect(error).toMatchObject({ message: 'The store is failed: late', store: { id } })
})

test('waiting ends when its signal does, and when the store is none', async () => {
  const client = recordingClient()
  const { id } = await request(client)
  const stop = new AbortController()

  const waiting = client.waitUntilReady(id, { signal: stop.signal })
  await eventually(() => expect(client.sentTo(`/stores/${id}`)).not.toEqual([]))
  stop.abort(new Error('enough'))

  await expect(waiting).rejects.toThrow('enough')
  await expect(client.waitUntilReady(crypto.randomUUID())).rejects.toMatchObject({
    name: 'ProblemError',
    status: 404,
  })
})

test('a command whose answer was lost is sent again with the same key and happens once', async () => {
  const client = recordingClient((send, tried) => async (input, init) => {
    const answer = await send(input, init)
    if (tried === 1) throw new TypeError('the answer was lost')
    return answer
  })

  const { response } = await client.api.POST('/api/v1/stores', { body })

  const keys = client.sent.map(({ headers }) => headers.get('idempotency-key'))
  expect(keys).toHaveLength(2)
  expect(new Set(keys).size).toBe(1)
  expect(response.headers.get('idempotency-replayed')).toBe('true')
})

test('two commands have two keys, and a key that was given is kept', async () => {
  const client = recordingClient()
  const own = `own-${crypto.randomUUID()}`

  await request(client)
  await request(client)
  const params = { header: { 'Idempotency-Key': own } }
  dataOf(await client.api.POST('/api/v1/stores', { body, params }))

  const keys = client.sent.map(({ headers }) => headers.get('idempotency-key'))
  expect(new Set(keys).size).toBe(3)
  expect(keys[2]).toBe(own)
})

test('what may succeed later is sent again after as long as the answer says', async () => {
  const times: number[] = []
  const client = recordingClient((send, tried) => async (input, init) => {
    times.push(Date.now())
    return tried === 1 ? problemAnswer({ status: 503, retryable: true }) : send(input, init)
  })

  await request(client)

  expect(client.sent).toHaveLength(2)
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(1_900)
})

test('what will not succeed later is sent once', async () => {
  const refused = recordingClient()
  const broken = recordingClient(() => async () => problemAnswer({ status: 503, retryable: false }))

  const { error } = await refused.api.POST('/api/v1/stores', { body: { ...body, name: '' } })
  const answer = await broken.api.POST('/api/v1/stores', { body })

  expect(error).toMatchObject({ status: 400, retryable: false })
  expect(refused.sent).toHaveLength(1)
  expect(() => dataOf(answer)).toThrow(ProblemError)
  expect(broken.sent).toHaveLength(1)
})

test('a command that takes no key is not sent again, but after a 429', async () => {
  const key = { name: 'panel', roles: ['read' as const] }
  const lost = recordingClient(() => async () => {
    throw new TypeError('the answer was lost')
  })
  const limited = recordingClient(
    (send, tried) => async (input, init) =>
      tried === 1 ? problemAnswer({ status: 429, retryable: true }) : send(input, init),
  )

  await expect(lost.api.POST('/api/v1/keys', { body: key })).rejects.toThrow('lost')
  const { response } = await limited.api.POST('/api/v1/keys', { body: key })

  expect(lost.sent).toHaveLength(1)
  expect(response.status).toBe(201)
})

test('a list is read to its end, page by page', async () => {
  const name = `Listed ${crypto.randomUUID()}`
  const made = await Promise.all([1, 2, 3, 4, 5].map(() => world.requestStore({ name })))
  const client = recordingClient()

  await eventually(async () => {
    client.sent.length = 0
    const ids = []
    for await (const { id } of client.stores({ q: name, limit: 2 })) ids.push(id)
    expect(ids.toSorted()).toEqual(made.map(({ storeId }) => storeId).toSorted())
  })

  expect(client.sent).toHaveLength(3)
})

function problemAnswer({ status, retryable, retryAfter = '2' }: Refusal): Response {
  const problem = { status, retryable, code: 'TEST', detail: 'scripted', title: 'Test' }
  return new Response(JSON.stringify(problem), {
    status,
    headers: { 'content-type': 'application/problem+json', 'retry-after': retryAfter },
  })
}

interface Refusal {
  status: number
  retryable: boolean
  retryAfter?: string
}
