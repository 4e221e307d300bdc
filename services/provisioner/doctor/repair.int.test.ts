import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { releaseNameOf } from '#domain'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { compare } from './compare.ts'
import type { Finding } from './findings.ts'
import { chooseRepairs, repairStores } from './repair.ts'
import { type FoundRelease, takeSnapshot } from './snapshot/snapshot.ts'

let world: Awaited<ReturnType<typeof provisionerWorld>>
beforeAll(async () => {
  world = await provisionerWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

test('a cut-off run of a failed store is repaired by asking for the store again, and the log says who did', async () => {
  const storeId = await failedStore()

  const done = await repair(await examine(storeId))

  expect(done).toEqual([expect.stringContaining('RetryRequested is in its stream')])
  expect((await world.history(storeId)).at(-1)?.type).toBe('RetryRequested')
  expect((await world.metadata(storeId)).at(-1)).toMatchObject({
    actor: expect.stringMatching(/^user:doctor-/),
    tenantId: 'demo',
  })
})

test('repaired twice with the same snapshot, it is asked for once, and the second time says so', async () => {
  const storeId = await failedStore()
  const snapshot = await examine(storeId)
  await repair(snapshot)

  const again = await repair(snapshot)

  expect(again).toEqual([expect.stringContaining('was asked for already')])
  const types = (await world.history(storeId)).map(({ type }) => type)
  expect(types.filter((type) => type === 'RetryRequested')).toHaveLength(1)
})

test('a store that its owner deleted after the snapshot is left as it is', async () => {
  const storeId = await failedStore()
  const snapshot = await examine(storeId)
  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })

  await expect(repair(snapshot)).rejects.toMatchObject({ code: 'STORE_IN_WRONG_STATE' })

  expect((await world.history(storeId)).at(-1)?.type).toBe('DeletionRequested')
})

test('one id that cannot be repaired stops all before the first is', async () => {
  const snapshot = await examine(await failedStore())
  const [finding] = snapshot.findings
  expect(() => chooseRepairs(snapshot.findings, [finding?.id ?? '', 'leftover:s-x'])).toThrow(
    'There is no finding leftover:s-x now',
  )
})

test('a store that moved while the snapshot was taken is not assessed by what was found', async () => {
  const storeId = await failedStore()
  const { stores, found, moved } = await takeSnapshot(world.eventStore, async () => {
    await world.send(storeId, { type: 'RequestRetry', now: new Date().toISOString() })
    return [cutOff(storeId)]
  })
  expect(moved).toEqual(new Set([storeId]))
  expect(compare({ stores, found, moved, now: new Date().toISOString(), silentMs: 1 })).toEqual([])
})

type Examined = Awaited<ReturnType<typeof examine>>

async function examine(storeId: string) {
  const { stores, moved } = await takeSnapshot(world.eventStore, () => Promise.resolve([]))
  const now = new Date().toISOString()
  const found = [cutOff(storeId)]
  const findings: Finding[] = compare({ stores, moved, found, now, silentMs: 60_000 })
  return { stores, findings }
}

async function repair({ stores, findings }: Examined): Promise<string[]> {
  const ids = findings.map(({ id }) => id)
  const chosen = chooseRepairs(findings, [...ids, ...ids])
  const done: string[] = []
  for await (const line of repairStores(world.eventStore, stores, chosen)) done.push(line)
  return done
}

async function failedStore(): Promise<string> {
  const storeId = randomUUID()
  await world.send(storeId, world.requestOf(storeId))
  const claimId = await world.claim(storeId)
  const now = new Date().toISOString()
  const failure = { reason: 'HELM_FAILED', retryable: false, detail: 'x', nextAction: 'y' } as const
  await world.send(storeId, { type: 'FailAttempt', claimId, failure, retryDelaysMs: [], now })
  return storeId
}

/** A release on which helm was cut off, as helm's record would tell of it. */
function cutOff(storeId: string): FoundRelease {
  const location = releaseNameOf(storeId)
  const labels = { store: storeId, attempt: 1, claim: 'a', values: 'v', chart: 'c' }
  return { location, name: location, store: storeId, observed: { status: 'pending', labels } }
}
