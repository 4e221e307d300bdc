import codes from '@eventstore/db-client/generated/code_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import statusMessages from '@eventstore/db-client/generated/status_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import {
  type Client,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status,
  type StatusObject,
} from '@grpc/grpc-js'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js'

/** EventStoreDB's commit timeout. */
const COMMIT_TIMEOUT_MS = 2_000

/** What becomes of an append. `timed out`: answered Timeout after 2 s, written all the same when `isWritten` says so. `garbled`: an answer to nobody. */
export type AppendFate = 'done' | 'not ready' | 'busy' | 'timed out' | 'unanswered' | 'garbled'

export interface NodeOptions {
  port: number
  /** The event store behind all nodes. */
  upstream: Client
  fate: () => AppendFate
  isWritten: () => boolean
  /** Has just started: it answers reads as if the log were empty. */
  isCold: () => boolean
  /** `position`: reads at the leader are refused as from a position at which no record begins. `denied`: all reads are. */
  readRefusal: () => 'position' | 'denied' | undefined
  /** How long an append is under way before the event store gets it. */
  delayMs: () => number
  /** Settles when the node may send and take again. */
  thawed: () => Promise<void>
  /** The leader's port; undefined when this node leads. */
  leaderPort: () => number | undefined
  gossip: () => Uint8Array
}

type Call = ServerDuplexStream<Buffer, Buffer>

/** One address of a cluster: forwards frames as they are, and answers appends as a node in its state does. */
export async function startNode(options: NodeOptions): Promise<{ stop: () => void }> {
  const server = new Server()
  const paths = streamsMethods.map((name) => `/event_store.client.streams.Streams/${name}`)
  const features = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'
  for (const path of [...paths, features])
    serve(server, path, (call) => forward(call, path, options))
  serve(server, '/event_store.client.gossip.Gossip/Read', async (call) => {
    await options.thawed()
    call.write(Buffer.from(options.gossip()))
    call.end()
  })
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure()
    server.bindAsync(`127.0.0.1:${options.port}`, credentials, (error) =>
      error ? reject(error) : resolve(),
    )
  })
  return { stop: () => server.forceShutdown() }
}

const streamsMethods = ['Read', 'Append', 'BatchAppend', 'Delete', 'Tombstone']
const asIs = (bytes: Buffer) => bytes

function serve(server: Server, path: string, handle: (call: Call) => unknown): void {
  const method: MethodDefinition<Buffer, Buffer> = {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }
  server.addService({ [path]: method }, { [path]: handle })
}

async function forward(call: Call, path: string, options: NodeOptions): Promise<void> {
  const leaderPort = options.leaderPort()
  const needsLeader = call.metadata.get('requires-leader').length > 0
  if (needsLeader && options.fate() === 'not ready') return fail(call, notReady)
  if (needsLeader && leaderPort !== undefined) return fail(call, notLeader(leaderPort))
  if (path.endsWith('/Read') && options.isCold()) return void call.end()
  if (needsLeader && options.readRefusal() === 'position') return fail(call, refusedPosition)
  if (path.endsWith('/Read') && options.readRefusal() === 'denied') return fail(call, denied())
  const isAppend = path.endsWith('/Append')
  if (isAppend && (options.fate() === 'not ready' || options.fate() === 'busy'))
    return fail(call, { code: status.UNAVAILABLE, details: refusals[options.fate()] ?? '' })
  if (isAppend && options.fate() !== 'done') return undefined
  const answered = inOrder(options, (bytes: Buffer) => call.write(bytes))
  const upstream = options.upstream.makeBidiStreamRequest(path, asIs, asIs, call.metadata.clone())
  const batch = path.endsWith('/BatchAppend')
    ? batchAppends(options, answered, upstream)
    : undefined
  const taken = inOrder(options, batch?.take ?? ((bytes: Buffer) => upstream.write(bytes)))
  call.on('data', taken)
  call.on('end', () => upstream.end())
  call.on('cancelled', () => upstream.cancel())
  upstream.on('data', (bytes: Buffer) => {
    if (batch?.isAnswer(bytes) ?? true) answered(bytes)
  })
  upstream.on('error', () => undefined)
  upstream.on('status', (ended: StatusObject) => {
    const end = async () => {
      await options.thawed()
      if (ended.code === status.OK) call.end()
      else fail(call, ended)
    }
    void end()
  })
}

interface Sink {
  write: (bytes: Buffer) => unknown
}

/** Appends of one call: what is refused, dropped or delayed is answered here. */
function batchAppends(options: NodeOptions, answered: (bytes: Buffer) => void, upstream: Sink) {
  const underWay = new Map<string, string>()
  const swallowed = new Set<string>()
  const answer = (request: streams.BatchAppendReq, failure: statusMessages.Status) => {
    const response = new streams.BatchAppendResp()
      .setCorrelationId(request.getCorrelationId())
      .setStreamIdentifier(request.getOptions()?.getStreamIdentifier())
      .setError(failure)
    answered(Buffer.from(response.serializeBinary()))
  }
  const timeOut = async (request: streams.BatchAppendReq) => {
    await wait(COMMIT_TIMEOUT_MS)
    const failure = failureOf('Timeout', 'event_store.client.Timeout')
    answer(request, failure.setCode(codes.Code.DEADLINE_EXCEEDED))
  }
  return {
    take: (bytes: Buffer) => {
      const request = streams.BatchAppendReq.deserializeBinary(bytes)
      const fate = options.fate()
      const refusal = refusals[fate]
      if (refusal !== undefined) return answer(request, failureOf(refusal, 'google.protobuf.Empty'))
      if (fate === 'unanswered') return undefined
      if (fate === 'garbled') {
        answer(
          request.setCorrelationId(new shared.UUID().setString(randomUUID())),
          failureOf('', ''),
        )
        return undefined
      }
      const event = request.getProposedMessagesList()[0]?.getId()?.getString() ?? ''
      if (underWay.has(event)) return void timeOut(request)
      const id = request.getCorrelationId()?.getString() ?? ''
      if (fate === 'timed out') {
        void timeOut(request)
        if (!options.isWritten()) return undefined
        swallowed.add(id)
      }
      underWay.set(event, id)
      const send = async () => {
        await wait(options.delayMs())
        upstream.write(bytes)
      }
      return options.delayMs() > 0 ? void send() : upstream.write(bytes)
    },
    isAnswer: (bytes: Buffer) => {
      const response = streams.BatchAppendResp.deserializeBinary(bytes)
      const id = response.getCorrelationId()?.getString() ?? ''
      for (const [event, started] of underWay) if (started === id) underWay.delete(event)
      return !swallowed.delete(id)
    },
  }
}

function failureOf(message: string, type: string): statusMessages.Status {
  const detail = new anyMessages.Any()
  detail.pack(new Uint8Array(), type)
  return new statusMessages.Status().setMessage(message).setDetails(detail)
}

const refusedPosition = { code: status.UNKNOWN, details: 'Unexpected ReadAllResult: Error' }
const notReady = { code: status.UNAVAILABLE, details: 'Server Is Not Ready' }
const refusals: Partial<Record<AppendFate, string>> = {
  'not ready': 'Server Is Not Ready',
  busy: 'Server Is Busy',
}

/** Hands over in the order of the calls, nothing while the node is frozen. */
function inOrder(options: NodeOptions, handOver: (bytes: Buffer) => unknown) {
  let before = Promise.resolve()
  return (bytes: Buffer) => {
    before = before.then(() => options.thawed()).then(() => void handOver(bytes))
  }
}

function denied() {
  const metadata = new Metadata()
  metadata.set('exception', 'access-denied')
  return { code: status.PERMISSION_DENIED, details: 'Access Denied', metadata }
}

function notLeader(port: number) {
  const metadata = new Metadata()
  metadata.set('exception', 'not-leader')
  metadata.set('leader-endpoint-host', '127.0.0.1')
  metadata.set('leader-endpoint-port', `${port}`)
  return { code: status.NOT_FOUND, details: 'Leader info available', metadata }
}

function fail(call: Call, ended: { code: status; details: string; metadata?: Metadata }): void {
  call.emit('error', { metadata: new Metadata(), ...ended })
}
