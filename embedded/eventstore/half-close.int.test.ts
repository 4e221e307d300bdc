import streams from '@eventstore/db-client/generated/streams_pb.js'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshStream, officialClient } from '#test/servers/official-client'
import {
  appendRequests,
  batchRequest,
  rawClient,
  streamsPath,
  uuidOf,
} from '#test/servers/raw-client'

const REQUESTS = 200

let es: Awaited<ReturnType<typeof officialClient>>
let raw: ReturnType<typeof rawClient>
beforeAll(async () => {
  es = await officialClient()
  raw = rawClient(Number(new URL(es.server.url).port))
})
afterAll(async () => {
  raw[Symbol.dispose]()
  await es[Symbol.asyncDispose]()
})

test('a client that half-closes a BatchAppend gets every answer, then the call ends well', async () => {
  const ids = Array.from({ length: REQUESTS }, () => randomUUID())
  const requests = ids.map((id) => batchRequest(freshStream()).setCorrelationId(uuidOf(id)))

  const { messages, status } = await raw.call(streamsPath('BatchAppend'), bytesOf(requests))

  const answers = messages.map((bytes) => streams.BatchAppendResp.deserializeBinary(bytes))
  expect(answers.map((answer) => answer.getCorrelationId()?.getString())).toEqual(ids)
  expect(answers.filter((answer) => answer.hasSuccess())).toHaveLength(REQUESTS)
  expect(status).toBe('OK')
})

test('a refusal at half-close is answered like a success', async () => {
  const stream = freshStream()
  const requests = [1, 2].map(() => batchRequest(stream).setCorrelationId(uuidOf(randomUUID())))

  const { messages, status } = await raw.call(streamsPath('BatchAppend'), bytesOf(requests))

  const answers = messages.map((bytes) => streams.BatchAppendResp.deserializeBinary(bytes))
  expect(answers.map((answer) => answer.getError()?.getMessage())).toEqual([
    undefined,
    'WrongExpectedVersion',
  ])
  expect(status).toBe('OK')
})

test('an append whose last events never came is dropped at half-close', async () => {
  const stream = freshStream()
  const open = batchRequest(stream).setIsFinal(false).setCorrelationId(uuidOf(randomUUID()))

  const answer = await raw.call(streamsPath('BatchAppend'), bytesOf([open]))

  expect(answer).toMatchObject({ messages: [], status: 'OK' })
  expect(await es.idsOf(stream)).toEqual([])
})

test('every Append of many that half-close at once is answered', async () => {
  const all = Array.from({ length: REQUESTS }, () => bytesOf(appendRequests(freshStream())))

  const answers = await Promise.all(all.map((bytes) => raw.call(streamsPath('Append'), bytes)))

  expect(answers.map(({ messages, status }) => [messages.length, status])).toEqual(
    all.map(() => [1, 'OK']),
  )
})

function bytesOf(messages: { serializeBinary: () => Uint8Array }[]): Uint8Array[] {
  return messages.map((message) => message.serializeBinary())
}
