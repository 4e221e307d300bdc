import type { Answer } from './call.ts'
import { isObject, type Message } from './wire.ts'

const GREATEST = '18446744073709551615'

/** What is a run's own. */
export interface Run {
  /** Its part of stream names. */
  tag: string
  /** How its event ids begin: a server remembers an id whatever the stream. */
  idHead: string
  /** Of its events, by stream and revision. */
  positions: Map<string, bigint>
}

/** The answer with all that differs from run to run replaced. */
export function normalised({ tag, idHead, positions }: Run, answer: Answer): Answer {
  const sorted = [...positions].toSorted(([, a], [, b]) => (a < b ? -1 : 1))
  const place = (text: string) => {
    if (text === GREATEST || text === '0') return text
    const [event, at] = sorted.findLast(([, position]) => position <= BigInt(text)) ?? []
    return at === undefined
      ? '<pos before all>'
      : `<pos ${at === BigInt(text) ? '' : 'behind '}${event}>`
  }
  const idOf = (text: string) =>
    /^[0-9a-f-]{36}$/i.test(text) && !text.startsWith(idHead) && !text.startsWith('00000000')
      ? '<uuid>'
      : text
  const walk = (value: unknown, key = ''): unknown => {
    if (/^(commit|prepare)Position$/.test(key)) return place(String(value))
    if (key === 'created' && /^1\d{16}$/.test(String(value))) return '<ticks>'
    if (['timeStamp', 'address', 'port', 'subscriptionId'].includes(key)) return `<${key}>`
    if (key === 'structured' && isObject(value) && value['leastSignificantBits'])
      return idOf(structured(value))
    if (key === 'string' && typeof value === 'string') return idOf(value)
    if (Array.isArray(value)) return value.filter((one) => isOwn(one, tag)).map((one) => walk(one))
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, walk(one, name)]))
  }
  const { got, ...rest } = answer
  const told = { ...(Array.isArray(got) && got.length > 0 && { got }), ...rest }
  const walked = walk(told)
  const { got: own, ...others } = isObject(walked) ? walked : {}
  const kept = { ...(Array.isArray(own) && own.length > 0 && { got: own }), ...others }
  const text = JSON.stringify(kept).replaceAll(tag, '~~').replaceAll(idHead, '@')
  const result: Answer = JSON.parse(text)
  return result
}

function structured({ mostSignificantBits = '0', leastSignificantBits = '0' }: Message): string {
  const hex = [mostSignificantBits, leastSignificantBits]
    .map((half) =>
      BigInt.asUintN(64, BigInt(String(half)))
        .toString(16)
        .padStart(16, '0'),
    )
    .join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Whether a message is about streams of the run, or about no event. */
export function isOwn(message: unknown, tag: string): boolean {
  const event = isObject(message) ? message['event'] : undefined
  if (!isObject(event)) return true
  return [event['event'], event['link']].some((one) => streamOf(one).includes(tag))
}

/** The name of an event's stream. */
export function streamOf(event: unknown): string {
  const identifier = isObject(event) ? event['streamIdentifier'] : undefined
  const name = isObject(identifier) ? identifier['streamName'] : ''
  return typeof name === 'string' ? name : ''
}
