import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshStream, officialClient } from '#test/servers/official-client'
import { batchRequest, rawClient, streamsPath, uuidOf } from '#test/servers/raw-client'

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

// The words are EventStoreDB's.
test.each([
  ['missing', undefined, "Value cannot be null. (Parameter 'dto')"],
  ['without a value', new shared.UUID(), "Invalid argument: None (Parameter 'dto')"],
  ['empty', uuidOf(''), 'Unrecognized Guid format.'],
  [
    'all zeros',
    new shared.UUID().setStructured(new shared.UUID.Structured()),
    "correlationId (Parameter 'correlationId should be non-empty GUID.')",
  ],
  ['no UUID', uuidOf('garbage'), 'Unrecognized Guid format.'],
])('a correlation id that is %s is a bad request and disturbs nobody', async (_, id, words) => {
  const stream = freshStream()
  const bad = batchRequest(stream).setCorrelationId(id)
  const good = batchRequest(freshStream()).setCorrelationId(uuidOf(randomUUID()))
  const requests = [bad.setIsFinal(false), good].map((request) => request.serializeBinary())

  const { messages, status } = await raw.call(streamsPath('BatchAppend'), requests)

  expect(status).toBe('OK')
  const answers = messages.map((bytes) => streams.BatchAppendResp.deserializeBinary(bytes))
  const refused = answers.find((answer) => answer.hasError())
  expect(refused?.getCorrelationId()?.toObject()).toEqual(id?.toObject())
  expect(refused?.getError()?.toObject()).toMatchObject({ code: 3, message: 'BadRequest' })
  const detail = refused?.getError()?.getDetails()
  expect(detail?.getTypeName()).toBe('event_store.client.BadRequest')
  expect(shared.BadRequest.deserializeBinary(bytesOf(detail)).getMessage()).toBe(words)
  const named = refused?.getStreamIdentifier()?.getStreamName_asU8() ?? []
  expect(Buffer.from(named).toString()).toBe(stream)
  expect(answers.filter((answer) => answer.hasSuccess())).toHaveLength(1)
  expect(await es.idsOf(stream)).toEqual([])
})

function bytesOf(detail: { getValue_asU8: () => Uint8Array } | undefined): Uint8Array {
  return detail?.getValue_asU8() ?? new Uint8Array()
}
