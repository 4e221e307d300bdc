import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { storeStream } from '#domain'
import { eventually } from '#test/eventually'
import { helmStub, type Behaviour } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { dataOf, untilLast } from '#test/store-history'
import { expect, test } from 'vitest'
import { parseConfig } from '../config.ts'
import { start } from '../start.ts'

test('F42: a message that names no store is parked, and the next one is handled', async () => {
  await using world = await handling()
  await world.notify('nonsense')
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreProvisioned')
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
})

test('F41: a stream that cannot be read holds up its own store only, and keeps its message', async () => {
  await using world = await handling()
  const broken = randomUUID()
  const metadata = {
    correlationId: 'c',
    actor: 'a',
    tenantId: 't',
    schemaVersion: 1,
    commandId: 'x',
  }
  const event = { id: randomUUID(), type: 'StoreRequested', data: { name: 1 }, metadata }
  await world.eventStore.append(storeStream(broken), [event], 'no_stream')
  await world.notify(broken)
  const storeId = await world.request()

  await untilLast(world, storeId, 'StoreProvisioned')

  await eventually(async () =>
    expect(await world.metrics()).toContain('provisioner_unreadable_streams_total 1'),
  )
  await eventually(async () => expect(await world.messages()).toEqual({ held: 1, waiting: 0 }))
})

test('a store that is already gone or was never there needs nothing', async () => {
  await using world = await handling()
  await world.notify(randomUUID())
  await eventually(async () => expect(await world.messages()).toEqual({ held: 0, waiting: 0 }))
  expect(await world.helm.runs()).toEqual([])
})

test('F17: a worker that could not renew drops its result and takes its own claim over', async () => {
  await using world = await handling({ runs: [{ hang: true }] })
  const storeId = await world.request()
  await eventually(async () => expect(await world.helm.runs()).toHaveLength(1))

  world.nats.freeze()
  await eventually(async () => expect((await world.helm.runs())[0]?.endedAt).toBeDefined())
  world.nats.thaw()

  const events = await untilLast(world, storeId, 'StoreProvisioned')
  const [first, second] = dataOf(events, 'ProvisioningStarted')
  expect(second).toMatchObject({ takesOver: first?.claimId, givenUp: true })
  expect(await world.metrics()).toContain('outcome="lost"')
})

test('a log that is away for a while holds up work, and no work is lost', async () => {
  await using world = await handling({ otherwise: { waitMs: 500 } })
  const ids = await Promise.all([world.request(), world.request()])
  await eventually(async () => expect(await world.helm.runs()).not.toEqual([]))

  await world.log.kill()
  await world.log.restart()

  const streams = await Promise.all(ids.map((id) => untilLast(world, id, 'StoreProvisioned')))
  expect(streams.map((events) => dataOf(events, 'StoreProvisioned').length)).toEqual([1, 1])
})

test('a store whose chart is not there fails, and can be deleted all the same', async () => {
  await using world = await handling(undefined, { CHARTS_DIR: '/nowhere' })
  const storeId = await world.request()
  await untilLast(world, storeId, 'StoreFailed')

  await world.send(storeId, { type: 'RequestDeletion', now: new Date().toISOString() })
  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreDeleted')
  expect(dataOf(events, 'StoreDeleted')).toMatchObject([{ removed: [] }])
})

test('two provisioners in turn: a store waiting for its next attempt is claimed by one of them', async () => {
  await using world = await handling({ runs: [{ exitCode: 1 }] })
  await world.start()
  const storeId = await world.request()
  await world.notify(storeId)

  const events = await untilLast(world, storeId, 'StoreProvisioned')

  expect(dataOf(events, 'ProvisioningStarted')).toHaveLength(2)
  expect(await world.helm.runs()).toHaveLength(2)
})

async function handling(
  script: { runs?: Behaviour[]; otherwise?: Behaviour } = {},
  change: Record<string, string> = {},
) {
  const world = await provisionerWorld()
  const helm = await helmStub(join(world.folder, 'stub'), script)
  const given = { HELM_BIN: helm.executable, LOG_LEVEL: 'silent', ...change }
  const started: Awaited<ReturnType<typeof start>>[] = []
  const startOne = async () => {
    const provisioner = await start(parseConfig({ ...world.environment, ...given }))
    started.push(provisioner)
    return provisioner
  }
  const { url } = await startOne()
  return {
    ...world,
    helm,
    start: startOne,
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map((provisioner) => provisioner.close()))
      await world[Symbol.asyncDispose]()
    },
  }
}
