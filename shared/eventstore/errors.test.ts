import * as client from '@eventstore/db-client'
import { Metadata, status } from '@grpc/grpc-js'
import { OutOfTimeError } from '#async'
import { expect, test } from 'vitest'
import { appErrorOf, ruleOf } from './errors.ts'

const fields = [
  'stream-name',
  'group-name',
  'reason',
  'expected-version',
  'actual-version',
  'maximum-append-size',
  'required-metadata-properties',
  'leader-endpoint-host',
  'leader-endpoint-port',
  'scavenge-id',
  'login-name',
]

/** As the client makes it of a call that ended with a status. */
function thrown(errorClass: Function, code: number | undefined): unknown {
  const metadata = new Metadata()
  for (const field of fields) metadata.set(field, '1')
  const failure = { code, message: 'failed', details: 'failed', metadata }
  return Reflect.construct(errorClass, [failure])
}

const classes = Object.entries<unknown>({ ...client }).flatMap(
  ([name, value]): [string, Function][] =>
    typeof value === 'function' && value.prototype instanceof Error ? [[name, value]] : [],
)

test('every error class of the client has a rule', () => {
  const types = classes.map(([, errorClass]) => Reflect.get(Object(thrown(errorClass, 2)), 'type'))

  expect(new Set(types)).toEqual(new Set(Object.values(client.ErrorType)))
})

const outcomes: Record<string, string> = {
  WrongExpectedVersionError: 'CONCURRENT_MODIFICATION',
  StreamDeletedError: 'STREAM_DELETED',
  MaxAppendSizeExceededError: 'EVENT_TOO_LARGE',
  AccessDeniedError: 'EVENT_STORE_ACCESS_DENIED',
  UnavailableError: 'EVENT_STORE_UNAVAILABLE',
  CancelledError: 'EVENT_STORE_UNAVAILABLE',
  NotLeaderError: 'EVENT_STORE_UNAVAILABLE',
  NotFoundError: 'EVENT_STORE_UNAVAILABLE',
  TimeoutError: 'EVENT_STORE_UNAVAILABLE',
  DeadlineExceededError: 'EVENT_STORE_UNAVAILABLE',
  UnknownError: 'EVENT_STORE_UNAVAILABLE',
}

test.each(classes)(
  '%s is repeated exactly when it says that the event store is away',
  (name, errorClass) => {
    const error = thrown(errorClass, status.UNKNOWN)
    const code = outcomes[name] ?? 'EVENT_STORE_REJECTED'

    expect(appErrorOf(error, 'store-1')).toMatchObject({ code })
    expect(ruleOf(error).isRepeated).toBe(code === 'EVENT_STORE_UNAVAILABLE')
  },
)

const unknown: [string, unknown][] = [
  ['a discovery that failed', new Error('Failed to discover after 10 attempts.')],
  ['a call that was never connected', Object.assign(new Error('14 UNAVAILABLE'), { code: 14 })],
  ['a fault in the client', new TypeError('undefined is not iterable')],
  ['an attempt without an answer', new OutOfTimeError(3_000)],
  ['something that is no error', 'nonsense'],
]

test.each(unknown)('%s is an event store that is away, and a client of no more use', (_, error) => {
  expect(appErrorOf(error)).toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE', retryable: true })
  expect(ruleOf(error)).toMatchObject({ isRepeated: true, endsClient: true })
})

test.each([
  ['a timeout', client.DeadlineExceededError],
  ['a server that is not ready', client.UnknownError],
])('%s that answers one append keeps the connection', (_, errorClass) => {
  const { isRepeated, endsClient } = ruleOf(thrown(errorClass, undefined))

  expect({ isRepeated, endsClient }).toEqual({ isRepeated: true, endsClient: false })
})
