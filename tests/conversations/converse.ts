import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Call, type Channel, type Sent, take } from './call.ts'
import { isOwn, normalised, type Run, streamOf } from './normalised.ts'
import { isObject, type Message } from './wire.ts'

/** A step of a conversation; see the README beside this file. */
export interface Step extends Partial<Sent> {
  do: string
  as?: string
  ms?: number
  answers?: number
  limitMs?: number
  quietMs?: number
  path?: string
  body?: string
  keysOnly?: boolean
  ignoreEnd?: boolean
  unordered?: boolean
  note?: string
}

const ID = /00000000-0000-4000-8000-([0-9a-f]{12})/g
const READ = 'streams.Streams/Read'
const QUIET_MS = 400
const LIMIT_MS = 10_000
/** Shorter waits are for the real server, whose index follows its log a little later. */
const CATCH_UP_MS = 100
/** How long one more answer is waited for where all that the real server gave have come. */
const SURPLUS_MS = 100

interface Context extends Run {
  server: Channel
  from: Message
  open: Map<string, Call>
}

/**
 * Leads a server through the steps; returns its answers, all that differs from run to run replaced. Where it is known
 * what the real server answered, a slow machine changes nothing: that much is waited for.
 */
export async function converse(
  server: Channel,
  steps: Step[],
  recorded: Answer[] = [],
): Promise<Answer[]> {
  const tag = `t${randomBytes(6).toString('hex')}`
  const idHead = `${randomBytes(4).toString('hex')}-0000-4000-8000-`
  const from = await endOfLog(server)
  const context: Context = { server, tag, idHead, from, open: new Map(), positions: new Map() }
  const answers: Answer[] = []
  for (const [index, step] of steps.entries())
    answers.push(await perform(context, step, recorded[index]))
  for (const call of context.open.values()) call.cancel()
  await locate(context)
  return answers.map((answer) => normalised(context, answer))
}

async function perform(context: Context, step: Step, recorded?: Answer): Promise<Answer> {
  const { server, open, tag } = context
  const request = await requestOf(context, step)
  switch (step.do) {
    case 'wait': {
      const { ms = 0 } = step
      return sleep(recorded && ms < CATCH_UP_MS ? 0 : ms, {})
    }
    case 'http':
      return askOverHttp(server, request)
    case 'scan':
      return { got: await ownEvents(context) }
    case 'call': {
      const call = server.open(sentBy(request))
      const { answers = Infinity, limitMs = LIMIT_MS } = step
      const isSure = recorded !== undefined && !isUnanswered(recorded)
      const answer = await take(call, { answers, ...(!isSure && { limitMs }) })
      call.cancel()
      return settled(step, answer)
    }
    default: {
      const name = step.as ?? ''
      const call = open.get(name) ?? server.open(sentBy(request))
      open.set(name, call)
      if (step.do === 'more') call.more(request.send ?? [], request.finish)
      const { quietMs = QUIET_MS } = step
      if (!recorded || isUnanswered(recorded)) return settled(step, await take(call, { quietMs }))
      const isMissing = ({ messages }: Call) =>
        hasEnded(recorded) || messages.filter((one) => isOwn(one, tag)).length < countOf(recorded)
      return settled(step, await take(call, { isMissing, quietMs: SURPLUS_MS }))
    }
  }
}

function isUnanswered(answer: Answer): boolean {
  return countOf(answer) === 0 && !hasEnded(answer)
}

function countOf({ got }: Answer): number {
  return Array.isArray(got) ? got.length : 0
}

/** An end that is left to chance is not recorded. */
function hasEnded({ status }: Answer): boolean {
  return status !== undefined && status !== '(open)'
}

/** The step with the run's names, ids, positions and time in it. */
async function requestOf(context: Context, step: Step): Promise<Step> {
  const { tag, idHead, positions } = context
  const text = JSON.stringify(step)
    .replaceAll('~~', tag)
    .replaceAll(ID, `${idHead}$1`)
    .replaceAll(/"@([0-9a-f]{12})"/g, `"${idHead}$1"`)
  if (text.includes('<pos ')) await locate(context)
  const placed = text.replaceAll(
    /"<pos ([^>]+)>([+-]\d+)?"/g,
    (_, event: string, plus: string | undefined) =>
      `"${(positions.get(event) ?? 0n) + BigInt(plus ?? 0)}"`,
  )
  const request: Step = JSON.parse(placed.replaceAll('<now>', `${Math.floor(Date.now() / 1000)}`))
  return request
}

function sentBy({ method = '', headers = {}, send = [], finish, deadlineMs }: Step): Sent {
  return {
    method,
    headers,
    send,
    ...(finish !== undefined && { finish }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  }
}

/** Sorts answers whose order is the server's choice, and leaves out an end that is left to chance. */
function settled(step: Step, answer: Answer): Answer {
  const { status, got, ...rest } = answer
  const keyOf = (message: unknown) =>
    JSON.stringify(isObject(message) ? message['correlationId'] : '') ?? ''
  const sorted = step.unordered && Array.isArray(got)
  const messages = sorted ? got.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b))) : got
  const chance = step.ignoreEnd && (status === 'OK' || status === '(open)')
  return { ...(got !== undefined && { got: messages }), ...(!chance && { status }), ...rest }
}

async function askOverHttp(server: Channel, step: Step): Promise<Answer> {
  const { path = '/', method = 'GET', headers = {}, body, keysOnly } = step
  const url = `http://${server.address}${path}`
  const response = await fetch(url, { method, headers, redirect: 'manual', ...(body && { body }) })
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const location = response.headers.get('location')
  const shape = type.includes('json') ? shapeOf(JSON.parse(text)) : text === '' ? '' : 'text'
  return {
    status: response.status,
    type,
    ...(location !== null && { location: new URL(location, url).pathname }),
    body: keysOnly === false ? text : shape,
  }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  return isObject(value) ? Object.keys(value).toSorted() : typeof value
}

async function readAll(server: Channel, all: Message, count: string, readDirection: number) {
  const options = { all, readDirection, count, noFilter: {}, uuidOption: { string: {} } }
  const { got } = await take(server.open({ method: READ, send: [{ options }] }), {
    limitMs: 60_000,
  })
  return Array.isArray(got) ? got.filter(isObject) : []
}

async function endOfLog(server: Channel): Promise<Message> {
  const [last] = await readAll(server, { end: {} }, '1', 1)
  const event = last?.['event']
  if (!isObject(event)) return { start: {} }
  const { commitPosition } = event
  return { position: { commitPosition, preparePosition: commitPosition } }
}

/** Every event of the conversation's streams in the order of the log, also those that no stream shows any more. */
async function ownEvents({ server, from, tag }: Context): Promise<Message[]> {
  return (await readAll(server, from, '1000000', 0)).filter((message) => isOwn(message, tag))
}

async function locate(context: Context): Promise<void> {
  for (const { event } of await ownEvents(context)) {
    const recorded = isObject(event) ? event['event'] : undefined
    if (!isObject(recorded)) continue
    const { streamRevision = 0, commitPosition = 0 } = recorded
    const name = `${streamOf(recorded)}/${String(streamRevision)}`
    context.positions.set(name, BigInt(String(commitPosition)))
  }
}
