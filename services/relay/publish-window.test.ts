import { headers, type Msg } from 'nats'
import { expect, test } from 'vitest'
import { pubAckOf } from './publish-window.ts'

const answer = (text: string, status = 0): Pick<Msg, 'headers' | 'string'> => ({
  headers: status === 0 ? headers() : headers(status, 'No Responders'),
  string: () => text,
})
const error = (code: number) =>
  JSON.stringify({ error: { code: 400, err_code: code, description: 'wrong last sequence: 5' } })

test('an event that was stored, and one that the server remembers, have a sequence', () => {
  expect(pubAckOf(answer('{"stream":"S","seq":5}'))).toEqual({ result: 'stored', sequence: 5 })
  const duplicate = '{"stream":"S","seq":5,"duplicate":true}'
  expect(pubAckOf(answer(duplicate))).toEqual({ result: 'present', sequence: 5 })
})

test('a subject that is taken means that the event is there already', () => {
  expect(pubAckOf(answer(error(10_071)))).toEqual({ result: 'present', sequence: undefined })
})

test.each([
  ['another error', error(10_023), 0],
  ['no stream', '', 503],
  ['no JSON', 'what?', 0],
  ['no sequence', '{"stream":"S"}', 0],
])('%s is a refusal', (_, text, status) => {
  expect(pubAckOf(answer(text, status))).toEqual({ refused: expect.any(Error) })
})
