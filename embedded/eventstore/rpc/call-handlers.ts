import { setTimeout as wait } from 'node:timers/promises'
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type sendUnaryData,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { malformedMessage, shuttingDown, toServiceError, unanswerable } from './errors.ts'

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

// A client that does not read gets no status.
const STATUS_TIMEOUT_MS = 500

interface OpenCall {
  emit: (event: 'error', error: Error) => unknown
  on: (event: 'cancelled' | 'close' | 'finish', listener: () => void) => unknown
}

/** Calls that last as long as the client likes, so that a stop can end them. */
export interface OpenCalls {
  /** Returns how to withdraw a call that ends by itself from now on. */
  add: (call: OpenCall) => () => void
  /** Ends each with UNAVAILABLE (`destroy` would leave the clients waiting), and waits until that is on its way. */
  endAll: () => Promise<void>
}

/** Makes an empty set. */
export function openCalls(): OpenCalls {
  const calls = new Set<OpenCall>()
  return {
    add: (call) => {
      calls.add(call)
      for (const event of ['cancelled', 'close', 'finish'] as const)
        call.on(event, () => calls.delete(call))
      return () => calls.delete(call)
    },
    endAll: async () => {
      const ending = [...calls]
      // The library emits it behind the status of every call.
      const sent = ending.map(
        (call) => new Promise<void>((resolve) => call.on('cancelled', resolve)),
      )
      for (const call of ending) call.emit('error', shuttingDown())
      await Promise.race([Promise.all(sent), wait(STATUS_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}

/** So many bytes of a call may be on their way; then its handler waits. */
const AHEAD_BYTES_MAX = 128 * 1024

/**
 * The library writes a message only when the one before has left, a turn of the event loop each. This lets many messages
 * that are bytes leave in one write, and still stops the handler where the client does not read.
 */
export const sendAhead: ServerInterceptor = (_method, call) => {
  let ahead = 0
  let waiting: (() => void) | undefined
  const sendMessage = (message: unknown, ready: () => void) => {
    // What is not bytes yet may fail to become some.
    if (!Buffer.isBuffer(message)) return call.sendMessage(message, ready)
    const bytes = message.length
    ahead += bytes
    call.sendMessage(message, () => {
      ahead -= bytes
      if (!waiting || ahead >= AHEAD_BYTES_MAX) return
      const goOn = waiting
      waiting = undefined
      goOn()
    })
    if (ahead < AHEAD_BYTES_MAX) ready()
    else waiting = ready
  }
  return new ServerInterceptingCall({
    start: (listener) => call.start(listener),
    sendMetadata: (metadata) => call.sendMetadata(metadata),
    sendMessage,
    sendStatus: (status) => call.sendStatus(status),
    startRead: () => call.startRead(),
    getPeer: () => call.getPeer(),
    getDeadline: () => call.getDeadline(),
    getHost: () => call.getHost(),
    getAuthContext: () => call.getAuthContext(),
    getConnectionInfo: () => call.getConnectionInfo(),
    getMetricsRecorder: () => call.getMetricsRecorder(),
  })
}
