import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { AppError, type Decider } from '#domain'
import { collect, countingCalls, newStream } from '#test/event-store-events'
import { testEventStore } from '#test/servers/test-eventstore'
import { eventId, type EventStore, type RecordedEvent } from './event-store.ts'
import { handleCommand } from './handle-command.ts'
import { openEventStore } from './open-event-store.ts'

interface Deposited {
  type: 'Deposited'
  data: { amount: number; balance: number }
}

/** A money box that takes so much and no more. */
const moneyBox: Decider<number, number, Deposited> = {
  initialState: () => 0,
  decide: (balance, amount) => {
    if (balance + amount > 100) throw new AppError('QUOTA_EXCEEDED', 'The box is full')
    return amount === 0 ? [] : [{ type: 'Deposited', data: { amount, balance: balance + amount } }]
  },
  evolve: (balance, event) => balance + event.data.amount,
}

function decode({ type, data }: RecordedEvent): Deposited | undefined {
  return type === 'Deposited' ? { type, data: deposited.parse(data) } : undefined
}

const deposited = z.object({ amount: z.number(), balance: z.number() })

let server: Awaited<ReturnType<typeof testEventStore>>
let store: EventStore
beforeAll(async () => {
  server = await testEventStore()
  store = openEventStore({ connectionString: server.url })
})
afterAll(async () => {
  await store.close()
  await server[Symbol.asyncDispose]()
})

function depositOf(stream: string, command: number, via: EventStore, commandId = randomUUID()) {
  const context = { commandId, correlationId: 'trace-123', actor: 'user:u', tenantId: 'demo' }
  return { store: via, decider: moneyBox, decode, stream, command, context }
}

function deposit(stream: string, amount: number, commandId = randomUUID(), via = store) {
  return handleCommand(depositOf(stream, amount, via, commandId))
}

test('a command is decided on what the stream holds, and its events are appended', async () => {
  const stream = newStream()
  await deposit(stream, 30)

  const handled = await deposit(stream, 20)

  const [, stored] = await collect(store.readStream(stream))
  expect(handled).toEqual({
    state: 50,
    events: [{ type: 'Deposited', data: { amount: 20, balance: 50 } }],
    isNew: true,
    revision: 1n,
    position: stored?.position,
  })
  expect(await deposit(stream, 0)).toMatchObject({
    position: stored?.position,
    recordedAt: stored?.recordedAt,
  })
})

test('the events say who caused them, and their ids come from the command', async () => {
  const stream = newStream()
  const commandId = randomUUID()

  await deposit(stream, 30, commandId)

  const [stored] = await collect(store.readStream(stream))
  expect(stored).toMatchObject({
    id: eventId(commandId, 0),
    metadata: {
      commandId,
      correlationId: 'trace-123',
      actor: 'user:u',
      tenantId: 'demo',
      schemaVersion: 1,
    },
  })
})

test('a command that causes nothing appends nothing', async () => {
  const stream = newStream()

  expect(await deposit(stream, 0)).toEqual({
    state: 0,
    events: [],
    isNew: false,
    revision: 'no_stream',
  })
  expect(await collect(store.readStream(stream))).toEqual([])
})

test('a command the rules forbid fails with their error', async () => {
  await expect(deposit(newStream(), 101)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
})

test('the same command again is a success and happens once', async () => {
  const stream = newStream()
  const commandId = randomUUID()
  await deposit(stream, 30, commandId)
  const { position } = await deposit(stream, 10)

  const again = await deposit(stream, 30, commandId)

  expect(again).toMatchObject({ state: 40, revision: 1n, position })
  expect(await collect(store.readStream(stream))).toHaveLength(2)
})

test('of several who send one command at the same time, one has appended its events', async () => {
  const stream = newStream()
  const commandId = randomUUID()
  const others = Array.from({ length: 4 }, () => openEventStore({ connectionString: server.url }))

  const handled = await Promise.all(
    others.map((via) => {
      const { context, ...sent } = depositOf(stream, 30, via, commandId)
      return handleCommand({ ...sent, context: { ...context, requestId: randomUUID() } })
    }),
  )

  expect(handled.map(({ state }) => state)).toEqual([30, 30, 30, 30])
  expect(handled.filter(({ isNew }) => isNew)).toHaveLength(1)
  const stored = await collect(store.readStream(stream))
  expect(stored.map(({ metadata }) => metadata)).toEqual([
    expect.not.objectContaining({ requestId: expect.anything() }),
  ])
  await Promise.all(others.map((other) => other.close()))
})

test('what is not admitted is not appended; what has happened needs no admission', async () => {
  const stream = newStream()
  const commandId = randomUUID()
  const admit = () => Promise.reject(new AppError('RATE_LIMITED', 'too many'))
  const sent = { ...depositOf(stream, 30, store, commandId), admit }

  await expect(handleCommand(sent)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await deposit(stream, 30, commandId)

  await expect(handleCommand(sent)).resolves.toMatchObject({ state: 30, isNew: false })
})

test('a command that has landed is a success, also when the rules would refuse it by now', async () => {
  const stream = newStream()
  const commandId = randomUUID()
  await deposit(stream, 60, commandId)
  await deposit(stream, 40)

  const again = await deposit(stream, 60, commandId)

  const events = [{ type: 'Deposited', data: { amount: 60, balance: 60 } }]
  expect(again).toMatchObject({ state: 100, events, revision: 1n })
  expect(await collect(store.readStream(stream))).toHaveLength(2)
})

test('what a caller has folded already is not read again', async () => {
  const stream = newStream()
  const counting = countingCalls(store)
  let known = await deposit(stream, 10)

  for (const amount of [20, 30])
    known = await handleCommand({ ...depositOf(stream, amount, counting.store), known })

  expect(known).toMatchObject({ state: 60, revision: 2n })
  expect(counting.calls.reads).toBe(0)
})

test('what a caller has folded is read again before a command is refused or has nothing to do', async () => {
  const stream = newStream()
  const known = { state: 100, revision: 0n }
  await deposit(stream, 10)

  const handled = await handleCommand({ ...depositOf(stream, 20, store), known })
  const idle = await handleCommand({ ...depositOf(stream, 0, store), known })

  expect(handled).toMatchObject({ state: 30, revision: 1n })
  expect(idle).toMatchObject({ state: 30, events: [] })
})

test('what a caller has folded is read again when another writer was first', async () => {
  const stream = newStream()
  const known = await deposit(stream, 10)
  await deposit(stream, 70)

  const handled = await handleCommand({ ...depositOf(stream, 20, store), known })

  expect(handled).toMatchObject({ state: 100, revision: 2n })
})

test('a result that landed without its answer is a success for a caller that knows the stream', async () => {
  const stream = newStream()
  const known = await deposit(stream, 10)
  const commandId = randomUUID()
  const sent = { ...depositOf(stream, 50, store, commandId), known }
  await handleCommand(sent)
  await deposit(stream, 40)

  await expect(handleCommand(sent)).resolves.toMatchObject({ events: [{ data: { amount: 50 } }] })

  expect(await collect(store.readStream(stream))).toHaveLength(3)
})

test('a precondition sees what the stream holds, and its refusal is the answer', async () => {
  const stream = newStream()
  await deposit(stream, 10)
  const precondition = ({ state, revision }: { state: number; revision: unknown }) => {
    throw new AppError('PRECONDITION_FAILED', `${state} at ${String(revision)}`)
  }

  const sending = handleCommand({ ...depositOf(stream, 10, store), precondition })

  await expect(sending).rejects.toThrow('10 at 0')
})

test('commands at the same time are decided one after the other, in whatever process', async () => {
  const stream = newStream()
  const others = Array.from({ length: 4 }, () => openEventStore({ connectionString: server.url }))

  const deposits = Array.from({ length: 24 }, (_, n) =>
    deposit(stream, 5, randomUUID(), others[n % 4]),
  )
  const settled = await Promise.allSettled(deposits)

  const stored = await collect(store.readStream(stream))
  const balances = stored.map((event) => decode(event)?.data.balance)
  expect(balances).toEqual(Array.from({ length: 20 }, (_, n) => 5 * (n + 1)))
  expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(4)
  await Promise.all(others.map((other) => other.close()))
})

test('an append that landed without its answer is a success', async () => {
  const stream = newStream()
  // The outermost edge fails once, after the fact: the event store wrote, the answer said conflict.
  let lost = false
  const forgetful: EventStore = {
    ...store,
    append: async (...args) => {
      const appended = await store.append(...args)
      if (lost) return appended
      lost = true
      throw new AppError('CONCURRENT_MODIFICATION', 'lost', { retryable: true })
    },
  }

  const handled = await deposit(stream, 60, randomUUID(), forgetful)

  expect(handled).toMatchObject({ state: 60, revision: 0n })
  expect(await collect(store.readStream(stream))).toHaveLength(1)
})

test('events the decider does not know are passed over but counted', async () => {
  const stream = newStream()
  const other = { id: randomUUID(), type: 'Shaken', data: {} }
  const metadata = {
    commandId: 'c',
    correlationId: 'c',
    actor: 'a',
    tenantId: 't',
    schemaVersion: 1,
  }
  await store.append(stream, [{ ...other, metadata }], 'no_stream')

  expect(await deposit(stream, 10)).toMatchObject({ state: 10, revision: 1n })
})
