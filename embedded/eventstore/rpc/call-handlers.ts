import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  ServerDuplexStream,
  ServerWritableStream,
  ServiceDefinition,
  ServiceError,
} from '@grpc/grpc-js'
import { malformedMessage, toServiceError, unanswerable } from './errors.ts'
import type { OpenCalls } from './calls.ts'

/** A message that is read inside the method it was sent to, so that one that cannot be read is that method's failure. */
type Unread<Message> = () => Message

/** The service, its messages left unread for the handlers below. */
export function unreadService(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => [
      name,
      {
        ...method,
        requestDeserialize: (bytes: Buffer) => () => readMessage(method.requestDeserialize, bytes),
      },
    ]),
  )
}

function readMessage<Message>(deserialize: (bytes: Buffer) => Message, bytes: Buffer): Message {
  try {
    return deserialize(bytes)
  } catch {
    throw malformedMessage()
  }
}

// Every method is served through one of these. Whatever a method throws answers its own call: an error that got out of
// here would end the process, and with it the calls of everybody else.

/** One request, one answer. */
export function unaryCall<Request, Response>(
  method: (request: Request) => Promise<Response>,
): handleUnaryCall<Unread<Request>, Response> {
  return (call, answer) => answerOnce(async () => method(call.request()), answer)
}

/** Many requests, one answer to all of them. */
export function clientStreamingCall<Request, Response>(
  calls: OpenCalls,
  method: (requests: AsyncIterable<Request>) => Promise<Response>,
): handleClientStreamingCall<Unread<Request>, Response> {
  return (call, answer) => {
    // A stop must not wait for a client that has not said its last word.
    const withdraw = calls.add({
      emit: (_event, error) => call.destroy(error),
      on: call.on.bind(call),
    })
    call.once('end', withdraw)
    answerOnce(() => method(readEach(call)), answer)
  }
}

async function* readEach<Request>(requests: AsyncIterable<Unread<Request>>) {
  for await (const request of requests) yield request()
}

/** One request, many answers; the call ends when the method returns. */
export function serverStreamingCall<Request, Response>(
  calls: OpenCalls,
  method: (request: Request, call: ResponseStream<Response>) => Promise<void>,
): handleServerStreamingCall<Unread<Request>, Response> {
  return (call) => {
    calls.add(call)
    guard(
      async () => {
        await method(call.request(), call)
        call.end()
      },
      (error) => endWithError(call, error),
    )
  }
}

/**
 * Many requests, each answered on its own or not at all. `newMethod` is called once a call, its method in the order of
 * the requests; `send` takes what is no answer to one of them. A client that has sent its last request still gets every answer that is pending, then the call ends.
 */
export function bidiStreamingCall<Request, Response>(
  calls: OpenCalls,
  newMethod: (
    send: (response: Response) => void,
  ) => (request: Request) => Promise<Response | undefined>,
): handleBidiStreamingCall<Unread<Request>, Response> {
  return (call) => {
    calls.add(call)
    const send = (response: Response) => {
      if (!call.writableEnded && !call.cancelled) call.write(response)
    }
    const method = newMethod(send)
    let pending = 0
    let lastReceived = false
    const endWhenAnswered = () => {
      if (lastReceived && pending === 0) call.end()
    }
    call.on('data', (request: Unread<Request>) => {
      pending++
      guard(
        async () => {
          const response = await method(request())
          if (response !== undefined) send(response)
          pending--
          endWhenAnswered()
        },
        (error) => endWithError(call, error),
      )
    })
    call.on('end', () => {
      lastReceived = true
      endWhenAnswered()
    })
  }
}

function answerOnce<Response>(
  method: () => Promise<Response>,
  answer: sendUnaryData<Response>,
): void {
  guard(
    async () => answer(null, await method()),
    (error) => answer(error),
  )
}

/** Where the answers of a method that has many go. */
export type ResponseStream<Response> = ServerWritableStream<Unread<unknown>, Response>

type StreamingCall = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>

/** Ends a call with an error, once; `destroy` would leave the client waiting. */
function endWithError(call: StreamingCall, error: ServiceError): void {
  if (!call.cancelled && !call.writableEnded) call.emit('error', error)
}

/** Starts the work in this tick; what it throws, now or later, becomes the call's answer. */
function guard(work: () => Promise<void>, fail: (error: ServiceError) => void): void {
  void settle(work, fail)
}

async function settle(
  work: () => Promise<void>,
  fail: (error: ServiceError) => void,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    try {
      fail(toServiceError(error))
    } catch {
      fail(unanswerable())
    }
  }
}
