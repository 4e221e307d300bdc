import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  isEnded,
  operation,
  operationIdOfStream,
  operationStoresMax,
  operationStream,
  type OperationEvent,
  type OperationResult,
  type OperationState,
  placeOf,
} from './operation.ts'

const now = '2026-01-01T00:00:00.000Z'
const id = '7d0f6a52-1a5e-4d0b-8a3e-2b1f0c9d8e7f'
const asked = {
  type: 'RequestOperation',
  operationId: id,
  tenantId: 'demo',
  action: 'retry',
  filter: {},
  position: '7',
  fingerprint: 'f1',
  now,
} as const
const storeIds = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`)
const done = (storeId: string): OperationResult => ({ storeId, outcome: 'done' })
const after = (state: OperationState, events: OperationEvent[]) =>
  events.reduce(operation.evolve, state)
const running = (stores: number) => {
  const absent = operation.initialState()
  return after(absent, operation.decide(absent, { ...asked, storeIds: storeIds(stores) }))
}
const typesOf = (events: OperationEvent[]) => events.map(({ type }) => type)

test('the ids of a selection are in pages, in their order', () => {
  const ids = storeIds(2_500)
  const events = operation.decide(operation.initialState(), { ...asked, storeIds: ids })

  expect(typesOf(events)).toEqual([
    'OperationRequested',
    ...ids.slice(0, 3).map(() => 'StoresSelected'),
  ])
  const pages = events.flatMap((one) => (one.type === 'StoresSelected' ? [one.data.storeIds] : []))
  expect(pages.map(({ length }) => length)).toEqual([1_000, 1_000, 500])
  expect(pages.flat()).toEqual(ids)
})

test('the longest selection is smaller than an append may be', () => {
  const ids = Array.from({ length: operationStoresMax }, () => id)
  const events = operation.decide(operation.initialState(), { ...asked, storeIds: ids })

  const metadata = 'm'.repeat(2_000)
  expect(JSON.stringify(events.map((one) => ({ ...one, metadata }))).length).toBeLessThan(2 ** 20)
})

test('a repeated request causes nothing, and another one with its key is refused', () => {
  const state = running(2)

  expect(operation.decide(state, { ...asked, storeIds: storeIds(3) })).toEqual([])
  expect(() => operation.decide(state, { ...asked, fingerprint: 'f2', storeIds: [] })).toThrow(
    expect.objectContaining({ code: 'IDEMPOTENCY_KEY_REUSED' }),
  )
})

test('whatever two workers record, and in which order, each store has one result', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 9 })), { maxLength: 40 }),
      (stores, batches) => {
        const ids = storeIds(stores)
        const recorded: string[] = []
        let state = running(stores)
        for (const [from, length] of [...batches, ...ids.map((_, index) => [index, 9] as const)]) {
          const results = ids.slice(from, from + length).map(done)
          let events: OperationEvent[] = []
          try {
            events = operation.decide(state, { type: 'RecordBatch', from, results, now })
          } catch {
            continue
          }
          state = after(state, events)
          for (const one of events)
            if (one.type === 'BatchDone')
              recorded.push(...one.data.results.map(({ storeId }) => storeId))
        }
        expect(recorded).toEqual(ids)
        expect(state).toMatchObject({ status: 'completed', counts: { done: stores } })
      },
    ),
  )
})

test('a cancelled operation takes the results that are there and ends', () => {
  const state = running(3)
  const cancelling = after(state, operation.decide(state, { type: 'CancelOperation', now }))
  const batch = { type: 'RecordBatch' as const, from: 0, results: [done('s0')], now }
  const events = operation.decide(cancelling, batch)
  const ended = after(cancelling, events)

  expect(cancelling).toMatchObject({ status: 'cancelling' })
  expect(typesOf(events)).toEqual(['BatchDone', 'OperationEnded'])
  if (ended.status === 'absent') throw new Error('it is absent')
  expect([ended.status, isEnded(ended), placeOf(ended)]).toEqual(['cancelled', true, 1])
  expect(operation.decide(ended, { type: 'CancelOperation', now })).toEqual([])
  expect(operation.decide(ended, { ...batch, from: 1 })).toEqual([])
})

test('refusals are counted by their code', () => {
  const results: OperationResult[] = [
    done('s0'),
    { storeId: 's1', outcome: 'refused', code: 'STORE_DELETED' },
  ]
  const state = running(2)
  const events = operation.decide(state, { type: 'RecordBatch', from: 0, results, now })

  expect(after(state, events)).toMatchObject({
    status: 'completed',
    counts: { done: 1, refused: 1 },
    refusals: { STORE_DELETED: 1 },
  })
})

test('an operation that does not exist is not found', () => {
  const absent = operation.initialState()
  const found = expect.objectContaining({ code: 'OPERATION_NOT_FOUND' })
  expect(() => operation.decide(absent, { type: 'CancelOperation', now })).toThrow(found)
})

test('only a canonical UUID names an operation', () => {
  expect(operationIdOfStream(operationStream(id))).toBe(id)
  expect(operationIdOfStream(operationStream('x'))).toBeUndefined()
  expect(operationIdOfStream(`store-${id}`)).toBeUndefined()
})
