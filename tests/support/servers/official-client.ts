import { testEventStore } from './test-eventstore.ts'
import {
  BACKWARDS,
  END,
  EventStoreDBClient,
  jsonEvent,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  type AppendExpectedRevision,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'

/** The RPC an append takes; the client chooses Append where a call brings credentials. */
export type Path = 'BatchAppend' | 'Append'

/** A real server and the unchanged official client, with the few calls the tests repeat. */
export async function officialClient() {
  const server = await testEventStore()
  const client = EventStoreDBClient.connectionString(server.url)
  return {
    server,
    client,
    append: (stream: string, ids: string[], expectedRevision: AppendExpectedRevision, path: Path) =>
      append(client, { stream, ids, expectedRevision, path }),
    idsOf: (stream: string) => idsOf(client, stream),
    lastPosition: () => lastPosition(client),
    async [Symbol.asyncDispose]() {
      await client.dispose()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A stream name nobody else uses. */
export function freshStream(): string {
  return `test-${randomUUID()}`
}

/** That many new event ids. */
export function freshIds(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID())
}

/** An event whose id, or only its type, matters. */
export function eventOf(id: string = randomUUID(), type = 'Happened') {
  return jsonEvent({ id, type, data: { id } })
}

/** All a read yields. */
export async function collect(read: StreamingRead<ResolvedEvent>): Promise<ResolvedEvent[]> {
  const events: ResolvedEvent[] = []
  for await (const event of read) events.push(event)
  return events
}

interface Append {
  stream: string
  ids: string[]
  expectedRevision: AppendExpectedRevision
  path: Path
}

/** What the server answered, in a word: `success 5`, `conflict 5`, `deleted`. */
async function append(client: EventStoreDBClient, { stream, ids, expectedRevision, path }: Append) {
  const credentials = { username: 'tester', password: 'unused' }
  const events = ids.map((id) => eventOf(id))
  try {
    const { nextExpectedRevision, position } = await client.appendToStream(stream, events, {
      expectedRevision,
      ...(path === 'Append' && { credentials }),
    })
    return position ? `success ${nextExpectedRevision}` : `success ${nextExpectedRevision} nowhere`
  } catch (error) {
    if (error instanceof WrongExpectedVersionError) return `conflict ${error.actualVersion}`
    if (error instanceof StreamDeletedError) return 'deleted'
    throw error
  }
}

async function idsOf(client: EventStoreDBClient, stream: string): Promise<string[]> {
  const ids: string[] = []
  try {
    for await (const { event } of client.readStream(stream)) ids.push(event?.id ?? '')
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error
  }
  return ids
}

async function lastPosition(client: EventStoreDBClient): Promise<bigint> {
  const options = { direction: BACKWARDS, fromPosition: END, maxCount: 1 } as const
  const [last] = await collect(client.readAll(options))
  return last?.event?.position?.commit ?? 0n
}
