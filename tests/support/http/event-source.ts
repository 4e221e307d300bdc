import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { streamEvent } from '#contracts'

export interface ServerSentEvent {
  id?: string
  data: unknown
}

interface Source {
  url: string
  tenant: string
}

/**
 * A client of the live stream. `next` skips to the next event of one of the kinds; comments are of the kind `comment`. An event
 * that the OpenAPI document does not tell of is an error.
 */
export async function eventSource(
  { url, tenant }: Source,
  headers: Record<string, string> = {},
  query = '',
) {
  const request = get(`${url}/api/stores/stream${query}`, {
    headers: { 'x-user-id': tenant, ...headers },
  })
  const [response]: IncomingMessage[] = await once(request, 'response')
  if (response?.statusCode !== 200) throw new Error(`answered ${response?.statusCode}`)
  const lines = createInterface(response)
  const events = parse(lines)
  // Cutting it short is how a client leaves.
  for (const source of [response, lines]) source.on('error', () => {})
  const ended = new Promise<true>((resolve) => response.on('close', () => resolve(true)))
  return {
    ended,
    next: async (...kinds: string[]): Promise<ServerSentEvent> => {
      for (;;) {
        const { value, done } = await events.next()
        if (done === true) throw new Error(`the stream ended before ${kinds.join(' or ')}`)
        if (kinds.includes(value.kind)) return value
      }
    },
    async [Symbol.asyncDispose]() {
      request.destroy()
      await ended
    },
  }
}

async function* parse(lines: AsyncIterable<string>) {
  let fields: Record<string, string> = {}
  for await (const line of lines) {
    if (line.startsWith(': ')) yield { kind: 'comment', data: line.slice(2) }
    const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? []
    if (name !== '') fields[name] = value
    if (line !== '' || fields['event'] === undefined) continue
    const { event: kind, id = '', data = 'null' } = fields
    fields = {}
    const told = { event: kind, id, data: JSON.parse(data) as unknown }
    streamEvent.parse(told)
    yield { kind, id, data: told.data }
  }
}
