import { readFile } from 'node:fs/promises'
import type { StoreOfImage } from './real-store.ts'

/** A statement that changes something. */
const isWrite = (statement: string) =>
  /^\s*(insert|update|delete|replace|create|alter|drop|truncate)\b/i.test(statement)

/** Sets the store up; throws with the end of its log when it does not say that it is whole. */
export async function setUp(store: StoreOfImage): Promise<void> {
  const running = await store.start('set-up')
  const { code, signal } = await running.exited
  if (code !== 0) throw new Error(`set-up ended with ${code ?? signal}: ${await logOf(store)}`)
}

/** The writes of a set-up from its beginning to its end, in their order. */
export async function writesOf(store: StoreOfImage): Promise<string[]> {
  const writes: string[] = []
  const leave = store.gate.post((statement) => {
    if (isWrite(statement)) writes.push(statement)
    return 'passed'
  })
  await setUp(store)
  leave()
  return writes
}

/** Kills a set-up with all its processes before the write that `choose` picks reaches the database. */
export async function killSetUp(
  store: StoreOfImage,
  choose: (write: string, number: number) => boolean,
): Promise<string> {
  let written = 0
  let last = ''
  const running = await store.start('set-up')
  const leave = store.gate.post((statement) => {
    if (last !== '') return 'refused'
    if (!isWrite(statement) || !choose(statement, written++)) return 'passed'
    last = statement
    process.kill(-running.pid, 'SIGKILL')
    return 'refused'
  })
  const { code, signal } = await running.exited
  leave()
  if (signal !== 'SIGKILL')
    throw new Error(`set-up ended with ${code ?? signal} and was not killed`)
  return last
}

export async function logOf({ logFile }: StoreOfImage): Promise<string> {
  return (await readFile(logFile, 'utf8')).slice(-3_000)
}

/** Runs the store's clock once; its exit code. */
export async function ringClock(store: StoreOfImage): Promise<number | null> {
  return (await (await store.start('cron')).exited).code
}
