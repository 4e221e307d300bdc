import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError, type Decider } from '#domain'
import { collect, countingCalls, newStream } from '#test/event-store-events'
import { testEventStore } from '#test/servers/test-eventstore'
import { openAggregate } from './aggregate.ts'
import type { EventStore, RecordedEvent } from './event-store.ts'
import { handleCommand } from './handle-command.ts'
import { openEventStore } from './open-event-store.ts'

const changed = z.object({ type: z.literal('Changed'), data: z.object({ by: z.number() }) })
type Changed = z.output<typeof changed>

/** Takes so much and no more, and counts in place. */
const moneyBox: Decider<{ balance: number }, number, Changed> = {
  initialState: () => ({ balance: 0 }),
  decide: ({ balance }, by) => {
    if (balance + by > 100) throw new AppError('QUOTA_EXCEEDED', 'The box is full')
    return by === 0 ? [] : [{ type: 'Changed', data: { by } }]
  },
  evolve: (state, { data }) => Object.assign(state, { balance: state.balance + data.by }),
  copy: (state) => ({ ...state }),
}
const decode = ({ type, data }: RecordedEvent) => changed.safeParse({ type, data }).data

let server: Awaited<ReturnType<typeof testEventStore>>
let store: EventStore
beforeAll(async () => {
  server = await testEventStore()
  store = openEventStore({ connectionString: server.url, timeoutMs: 20_000 })
})
afterAll(async () => {
  await store.close()
  await server[Symbol.asyncDispose]()
})

const context = () => ({
  commandId: randomUUID(),
  correlationId: 'c',
  actor: 'user:u',
  tenantId: 'demo',
})

function boxOn(stream: string, via = store) {
  const aggregate = openAggregate({ store: via, decider: moneyBox, decode, stream })
  return {
    change: (by: number, signal?: AbortSignal) => aggregate.handle(by, context(), { signal }),
  }
}

/** What lies in the log of a box. */
async function changesIn(stream: string): Promise<(number | undefined)[]> {
  const stored = await collect(store.readStream(stream))
  return stored.map((event) => decode(event)?.data.by)
}

test('commands that wait together are decided one after the other and appended at once', async () => {
  const stream = newStream()
  const { store: counted, calls } = countingCalls(store)
  const box = boxOn(stream, counted)

  const settled = await Promise.allSettled(Array.from({ length: 200 }, () => box.change(1)))

  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(100)
  expect(await changesIn(stream)).toHaveLength(100)
  expect(calls.appends).toBe(2)
})

test('a stream that nobody else writes is read once', async () => {
  const { store: counted, calls } = countingCalls(store)
  const box = boxOn(newStream(), counted)

  for (let n = 0; n < 5; n++) await box.change(10)

  expect(await box.change(10)).toMatchObject({ state: { balance: 60 }, revision: 5n })
  expect(calls).toEqual({ reads: 1, appends: 6 })
})

test('nothing is refused on what is out of date', async () => {
  const stream = newStream()
  const [one, other] = [boxOn(stream), boxOn(stream)]
  await one.change(100)
  await other.change(-80)

  expect(await one.change(50)).toMatchObject({ state: { balance: 70 } })
})

test('what was refused is not stored after all when the append that it waited for meets another writer', async () => {
  const stream = newStream()
  const stalled = stallNextAppend(store)
  const [box, other] = [boxOn(stream, stalled.store), boxOn(stream)]
  await box.change(90)
  await new Promise(setImmediate)
  stalled.stall(() => other.change(-80), 2)

  // The first is appended alone, and those behind it together.
  const first = box.change(1)
  const outcomes = await Promise.allSettled([first, box.change(50), box.change(5)])

  const accepted = outcomes.flatMap((outcome, n) =>
    outcome.status === 'fulfilled' ? [[1, 50, 5][n]] : [],
  )
  const others = [90, -80]
  const stored = (await changesIn(stream)).filter((by) => !others.includes(by ?? 0))
  expect(stored).toEqual(accepted)
  expect(stored).toContain(5)
})

test('what nobody waits for any more is not decided again when its append meets another writer', async () => {
  const stream = newStream()
  const stalled = stallNextAppend(store)
  const [box, other] = [boxOn(stream, stalled.store), boxOn(stream)]
  await box.change(10)
  await new Promise(setImmediate)
  const late = new AbortController()
  const interrupt = async () => {
    late.abort(new Error('answered already'))
    await other.change(20)
  }
  stalled.stall(interrupt, 2)

  // The first is appended alone, and those behind it together.
  const first = box.change(1)
  const [, given, up] = await Promise.allSettled([first, box.change(2), box.change(4, late.signal)])

  expect([given, up]).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'answered already' } },
  ])
  expect(await changesIn(stream)).toEqual([10, 1, 20, 2])
})

test('an append that fails leaves what is known as it was', async () => {
  const stream = newStream()
  const stalled = stallNextAppend(store)
  const box = boxOn(stream, stalled.store)
  await box.change(60)
  stalled.stall(() => Promise.reject(new AppError('EVENT_STORE_UNAVAILABLE', 'down')))
  await expect(box.change(40)).rejects.toMatchObject({ code: 'EVENT_STORE_UNAVAILABLE' })

  expect(await box.change(40)).toMatchObject({ state: { balance: 100 }, revision: 1n })
})

test('aggregates that race with each other and with single commands lose and double nothing', async () => {
  const stream = newStream()
  const boxes = [boxOn(stream), boxOn(stream)]
  const single = () =>
    handleCommand({ store, decider: moneyBox, decode, stream, command: 4, context: context() })

  const settled = await Promise.allSettled(
    Array.from({ length: 12 }, () => [...boxes.map((box) => box.change(4)), single()]).flat(),
  )

  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(25)
  expect(await changesIn(stream)).toHaveLength(25)
})

/** Another writer, or a failure, comes between a decision and its append. */
function stallNextAppend(on: EventStore) {
  let before: (() => Promise<unknown>) | undefined
  let appendsLeft = 0
  const stalled: EventStore = {
    ...on,
    append: async (...args) => {
      if (--appendsLeft === 0) await before?.()
      return on.append(...args)
    },
  }
  return {
    store: stalled,
    stall: (interrupt: () => Promise<unknown>, nextAppend = 1) => {
      before = interrupt
      appendsLeft = nextAppend
    },
  }
}
