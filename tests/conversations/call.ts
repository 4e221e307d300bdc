import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ClientDuplexStream,
  Client,
  credentials,
  Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import { decode, encode, type Message, methods } from './wire.ts'

const PREFIX = '/event_store.client.'
const UNTOLD = new Set([
  'date',
  'server',
  'content-type',
  'content-length',
  'grpc-accept-encoding',
  'accept-encoding',
])
/** Far beyond what a loaded machine needs. */
const ANSWER_LIMIT_MS = 60_000
const asIs = (bytes: Buffer) => bytes

/** What a step sends. */
export interface Sent {
  method: string
  headers?: Record<string, string>
  send?: Message[]
  /** What follows the messages: a half-close, a cancellation or nothing. */
  finish?: string
  deadlineMs?: number
}

/** What came back, as recorded. */
export type Answer = Message

/** A call of which single messages can be sent and looked at. */
export interface Call {
  messages: Message[]
  outcome: Answer | undefined
  changed: () => void
  more: (messages: Message[], finish?: string) => void
  cancel: () => void
}

/** A channel of its own to `address`. */
export function connect(address: string) {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  })
  return { address, open: (sent: Sent) => openCall(client, sent), close: () => client.close() }
}

export type Channel = ReturnType<typeof connect>

function openCall(
  client: Client,
  { method, headers = {}, send = [], finish, deadlineMs }: Sent,
): Call {
  const path = method.startsWith('/') ? method : PREFIX + method
  const { requestType, responseType } = methods.get(path) ?? {}
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(headers)) metadata.add(key, value)
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    path,
    asIs,
    asIs,
    metadata,
    options,
  )
  const call: Call = {
    messages: [],
    outcome: undefined,
    changed: () => undefined,
    more: (messages, then = 'end') => {
      for (const message of messages) stream.write(encode(requestType, message))
      if (then === 'end') stream.end()
      if (then === 'cancel') stream.cancel()
    },
    cancel: () => stream.cancel(),
  }
  stream.on('data', (bytes: Buffer) => {
    call.messages.push(decode(responseType, bytes))
    call.changed()
  })
  stream.on('error', () => undefined)
  stream.on('status', (ended: StatusObject) => {
    call.outcome = outcomeOf(ended)
    call.changed()
  })
  call.more(send, finish)
  return call
}

function outcomeOf({ code, details, metadata }: StatusObject): Answer {
  const trailers = Object.entries(metadata.getMap())
    .filter(([key]) => !UNTOLD.has(key))
    .map(([key, value]) => [key, value.toString()])
  // The words of a deadline are the client's own.
  const told = details !== '' && code !== status.OK && code !== status.DEADLINE_EXCEEDED
  return {
    status: status[code],
    ...(told && { details }),
    ...(trailers.length > 0 && { trailers: Object.fromEntries(trailers) }),
  }
}

/** What to wait for. */
interface Wait {
  /** Answers after which nothing more is looked at. */
  answers?: number
  /** Whether something more is sure to come, however long that takes the server. */
  isMissing?: (call: Call) => boolean
  /** When nothing is missing, wait until nothing came for that time. */
  quietMs?: number
  limitMs?: number
}

/** Waits until the call has ended or what `Wait` names has come; takes what came. */
export async function take(
  call: Call,
  { answers = Infinity, isMissing = () => false, quietMs, limitMs = ANSWER_LIMIT_MS }: Wait = {},
): Promise<Answer> {
  const limit = Date.now() + limitMs
  while (!call.outcome && call.messages.length < answers && Date.now() < limit) {
    const left = limit - Date.now()
    const came = await changes(call, isMissing(call) ? left : (quietMs ?? left))
    if (!came) break
  }
  const got = call.messages.splice(0)
  return { ...(got.length > 0 && { got }), ...(call.outcome ?? { status: '(open)' }) }
}

/** Whether something of the call comes within so many ms. */
async function changes(call: Call, ms: number): Promise<boolean> {
  const timer = new AbortController()
  const changed = new Promise<boolean>((resolve) => (call.changed = () => resolve(true)))
  const quiet = sleep(ms, false, { signal: timer.signal }).catch(() => false)
  const came = await Promise.race([changed, quiet])
  timer.abort()
  return came
}
