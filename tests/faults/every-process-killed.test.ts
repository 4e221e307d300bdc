import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '#test/eventually'
import { npmStart } from '#test/stack/npm-start'
import { storeClient } from '#test/stack/store-client'

const STORES_EACH = 6
const READY_TIMEOUT_MS = 150_000
const victims = [
  'event-store',
  'nats-server',
  'postgres',
  'relay',
  'projector',
  'provisioner',
  'provisioner-2',
]

type Stack = Awaited<ReturnType<typeof npmStart>>

test('every process is killed with -9 in turn, each with stores in flight, and every accepted store ends ready, provisioned once', async () => {
  await using stack = await npmStart({ STOREWRIGHT_PROCESSES: 'separate', LOG_LEVEL: 'warn' })
  const ids: string[] = []

  for (const victim of victims) {
    ids.push(...(await untilAccepted(stack)))
    await killAndAwait(stack, victim)
  }

  expect(await timesProvisioned(stack, ids)).toEqual(ids.map(() => 1))
})

test('the NATS data is wiped with stores in flight, and every accepted store ends ready, provisioned once', async () => {
  await using stack = await npmStart({ STOREWRIGHT_PROCESSES: 'separate', LOG_LEVEL: 'warn' })
  const ids = await untilAccepted(stack)

  await killAndAwait(stack, 'nats-server', () =>
    rmSync(join(stack.dataDir, 'nats-server', 'jetstream'), { recursive: true, force: true }),
  )

  expect(await timesProvisioned(stack, ids)).toEqual(ids.map(() => 1))
})

/** As a client with a key does it: asks again, unchanged, until it is told yes. */
async function untilAccepted({ url }: Stack): Promise<string[]> {
  const client = storeClient(url)
  const request = () => {
    const headers = { 'idempotency-key': randomUUID() }
    return eventually(() => client.accepted({ headers }), { timeoutMs: 60_000, everyMs: 250 })
  }
  return Promise.all(Array.from({ length: STORES_EACH }, request))
}

/** kill -9; returns when the supervisor has started it again. */
async function killAndAwait(stack: Stack, victim: string, meanwhile = () => {}): Promise<void> {
  const { [victim]: pid } = await stack.pids()
  expect(pid).toBeDefined()
  process.kill(pid ?? 0, 'SIGKILL')
  meanwhile()
  const startedAgain = async () => expect((await stack.pids())[victim]).not.toBe(pid)
  await eventually(startedAgain, { timeoutMs: 60_000, everyMs: 50 })
}

/** Waits until the read model shows every store ready; then, from the log, how often each was provisioned. */
async function timesProvisioned({ url }: Stack, ids: string[]): Promise<number[]> {
  const client = storeClient(url)
  for (const id of ids) await client.untilStatus(id, 'ready', READY_TIMEOUT_MS)
  const histories = await Promise.all(ids.map((id) => client.events(id)))
  return histories.map((events) => events.filter(({ type }) => type === 'StoreProvisioned').length)
}
