import streams from '@eventstore/db-client/generated/streams_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { Client, credentials, status, type ServiceError, type StatusObject } from '@grpc/grpc-js'
import { randomUUID } from 'node:crypto'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'

const OPTIONS = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0 }
const asIs = (bytes: Buffer) => bytes

/** What came back on a call, and how it ended. */
interface RawAnswer {
  messages: Buffer[]
  status: string
  details: string
}

/** Sends bytes that no client would send, to any method. */
export interface RawClient extends Disposable {
  /** Sends the messages, half-closes, and waits until the call has ended, which it is made to after `giveUpMs`. */
  call: (path: string, messages: Uint8Array[], giveUpMs?: number) => Promise<RawAnswer>
}

/** A gRPC channel without generated code in front of it. */
export function rawClient(port: number): RawClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), OPTIONS)
  return {
    call: (path, messages, giveUpMs) =>
      new Promise((resolve) => {
        const deadline = giveUpMs === undefined ? Infinity : Date.now() + giveUpMs
        const call = client.makeBidiStreamRequest(path, asIs, asIs, { deadline })
        const answers: Buffer[] = []
        call.on('data', (bytes: Buffer) => answers.push(bytes))
        call.on('error', (_error: ServiceError) => undefined)
        call.on('status', ({ code, details }: StatusObject) =>
          resolve({ messages: answers, status: status[code], details }),
        )
        for (const message of messages) call.write(Buffer.from(message))
        call.end()
      }),
    [Symbol.dispose]: () => client.close(),
  }
}

/** The path of a method of the streams service. */
export function streamsPath(method: string): string {
  return `/event_store.client.streams.Streams/${method}`
}

/** A BatchAppend request of one event; its correlation id is left to the caller. */
export function batchRequest(stream: string): streams.BatchAppendReq {
  const options = new streams.BatchAppendReq.Options()
    .setStreamIdentifier(identifierOf(stream))
    .setNoStream(new empty.Empty())
  const event = withContent(new streams.BatchAppendReq.ProposedMessage())
  return new streams.BatchAppendReq()
    .setOptions(options)
    .setProposedMessagesList([event])
    .setIsFinal(true)
}

/** The messages of an Append of one event to a stream that is not there yet. */
export function appendRequests(stream: string): streams.AppendReq[] {
  const options = new streams.AppendReq.Options()
    .setStreamIdentifier(identifierOf(stream))
    .setNoStream(new shared.Empty())
  const event = withContent(new streams.AppendReq.ProposedMessage())
  return [
    new streams.AppendReq().setOptions(options),
    new streams.AppendReq().setProposedMessage(event),
  ]
}

/** A UUID as it travels. */
export function uuidOf(text: string): shared.UUID {
  return new shared.UUID().setString(text)
}

function identifierOf(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream))
}

type Proposed = streams.BatchAppendReq.ProposedMessage | streams.AppendReq.ProposedMessage

function withContent<Message extends Proposed>(message: Message): Message {
  message.setId(uuidOf(randomUUID()))
  message.setData(Buffer.from('{}'))
  message.getMetadataMap().set('type', 'Happened').set('content-type', 'application/json')
  return message
}
