import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { decodeStoreEvent } from '#contracts'
import { eventually } from '#test/eventually'
import { projectorHere } from '#test/projector/projector-here'
import { helmStub, overlaps } from '#test/provisioner/helm-stub'
import { provisionerWorld } from '#test/provisioner/provisioner-world'
import { testDatabase } from '#test/servers/test-database'
import { parseConfig } from '../../services/relay/config.ts'
import { start as startRelay } from '../../services/relay/start.ts'

const BURST = 1_000
const PROVISIONERS = 2
const CONCURRENCY = 2
const AT_ONCE = PROVISIONERS * CONCURRENCY
const HELM_MS = 2_000

test('a burst of 1,000 creates of one tenant delays the first store of another by one slot at most', async () => {
  await using world = await provisionerWorld({ times: { LEASE_MS: '12000' } })
  await using database = await testDatabase()
  const ends = { EVENTSTORE_URL: world.log.url, DATABASE_URL: database.url }
  await using projector = await projectorHere(ends)
  await using relay = await relayHere({ EVENTSTORE_URL: world.log.url, NATS_URL: world.nats.url })
  const helm = await helmStub(join(world.folder, 'stub'), { otherwise: { waitMs: HELM_MS } })
  const request = async (tenantId: string) => {
    const storeId = randomUUID()
    await world.send(storeId, { ...world.requestOf(storeId), tenantId })
    return storeId
  }
  await Promise.all(Array.from({ length: BURST }, () => request('burst')))
  const provisioner = {
    DATABASE_URL: database.url,
    HELM_BIN: helm.executable,
    CONCURRENCY: String(CONCURRENCY),
    SHUTDOWN_GRACE_MS: '100',
  }
  for (let count = 0; count < PROVISIONERS; count++) await world.startProvisioner(provisioner)
  const claims = () => claimsIn(world.eventStore)
  await eventually(async () => expect((await claims()).length).toBeGreaterThanOrEqual(AT_ONCE))

  const first = await request('other')

  const started = await eventually(async () => {
    const all = await claims()
    const claimed = all.findIndex(({ storeId }) => storeId === first)
    expect(claimed).toBeGreaterThanOrEqual(0)
    return all.slice(0, claimed)
  })
  const requested = await positionOf(world.eventStore, first)
  const between = started.filter(({ position }) => position > requested)
  // Within one slot's time, each slot ends one store at most.
  expect(between.length).toBeLessThanOrEqual(AT_ONCE)
  const all = await claims()
  expect(new Set(all.map(({ storeId }) => storeId)).size).toBe(all.length)
  expect(overlaps(await helm.runsOf(first))).toEqual([])
  await Promise.all([projector.stop(), relay.close()])
})

async function relayHere(env: Record<string, string>) {
  const relay = await startRelay(parseConfig({ LOG_LEVEL: 'silent', ...env }))
  return { ...relay, [Symbol.asyncDispose]: relay.close }
}

type Log = Awaited<ReturnType<typeof provisionerWorld>>['eventStore']

/** Every claim in the log, in its order. */
async function claimsIn(log: Log) {
  const claims = []
  for await (const stored of log.readAll())
    if (decodeStoreEvent(stored)?.type === 'ProvisioningStarted')
      claims.push({ storeId: stored.stream.replace('store-', ''), position: stored.position })
  return claims
}

async function positionOf(log: Log, storeId: string): Promise<bigint> {
  for await (const { position } of log.readStream(`store-${storeId}`)) return position
  throw new Error('The store was not requested')
}
