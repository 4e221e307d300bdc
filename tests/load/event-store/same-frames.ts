import { once } from 'node:events'
import serverFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js'
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerWritableStream,
} from '@grpc/grpc-js'

/** A minimal gRPC server: it answers a Read with the messages another server gave for the same bytes. */
const source = new Client(process.argv[2] ?? '', credentials.createInsecure())
const asIs = (bytes: Buffer) => bytes
const { read } = streamsService.StreamsService
const { getSupportedMethods } = serverFeatures.ServerFeaturesService
const known = new Map<string, Promise<Buffer[]>>()

const server = new Server()
const bytesOnly = { requestDeserialize: asIs, responseSerialize: asIs }
server.addService({ read: { ...read, ...bytesOnly } }, { read: answer })
server.addService(
  { getSupportedMethods: { ...getSupportedMethods, ...bytesOnly } },
  {
    getSupportedMethods: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) =>
      source.makeUnaryRequest(getSupportedMethods.path, asIs, asIs, call.request, (_, features) =>
        done(null, features ?? Buffer.alloc(0)),
      ),
  },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, port) =>
  process.send?.(port),
)

function answer(call: ServerWritableStream<Buffer, Buffer>): void {
  void send(call)
}

async function send(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  const key = call.request.toString('hex')
  if (!known.has(key)) known.set(key, messagesFor(call.request))
  for (const message of (await known.get(key)) ?? [])
    if (!call.write(message)) await once(call, 'drain')
  call.end()
}

/** Up to the end, or, of a subscription, until nothing has come for a while. */
async function messagesFor(request: Buffer): Promise<Buffer[]> {
  const messages: Buffer[] = []
  const call = source.makeServerStreamRequest(read.path, asIs, asIs, request)
  let timer = setTimeout(() => call.cancel(), 2_000)
  call.on('data', (message: Buffer) => {
    messages.push(message)
    timer.refresh()
  })
  call.on('error', () => undefined)
  await once(call, 'close').catch(() => undefined)
  clearTimeout(timer)
  return messages
}
