import { expect, test } from 'vitest'
import { schemaVersion } from '#contracts'
import type { StoreEvent, StoreRequested } from '#domain'
import type { RecordedEvent } from '#eventstore'
import { ndjsonOf } from './run-replay.ts'
import { timelineOf } from './timeline.ts'

const storeId = '00000000-0000-4000-8000-000000000001'
const requested: StoreRequested = {
  storeId,
  tenantId: 'acme',
  name: 'Shop',
  engine: 'medusa',
  plan: 'large',
  fingerprint: 'f',
  requestedAt: '2026-01-01T00:00:00.000Z',
}
const failure = {
  reason: 'TIMEOUT',
  retryable: true,
  detail: 'Too late',
  nextAction: 'Retry',
} as const

const provisioned = {
  attempt: 1,
  release: 's-x',
  namespace: 's-x',
  url: 'http://shop',
  chart: 'medusa',
  chartVersion: '1',
  chartDigest: 'c',
  valuesDigest: 'v',
  adopted: false,
  provisionedAt: '2026-01-01T00:00:02.500Z',
}

test('an empty history has no lines', async () => {
  expect(await linesOf(timelineOf(log()))).toEqual([])
})

test('a ready store ends with its address', async () => {
  const lines = await linesOf(
    timelineOf(
      log(
        { type: 'StoreRequested', data: requested },
        { type: 'StoreProvisioned', data: provisioned },
      ),
    ),
  )

  expect(lines[0]).toBe(`Shop (medusa, large) of tenant acme, store ${storeId}`)
  expect(lines[3]).toMatch(/\+1\.000 s {2}StoreProvisioned .* → ready .* attempt=1 .*adopted=false/)
  expect(lines[3]).not.toContain('Digest')
  expect(lines.at(-1)).toBe('Ready at http://shop')
})

test('a failed store ends with what to do', async () => {
  const failed = {
    type: 'StoreFailed',
    data: { attempt: 1, ...failure, failedAt: '2026-01-01T00:00:01Z' },
  } as const

  const lines = await linesOf(timelineOf(log({ type: 'StoreRequested', data: requested }, failed)))

  expect(lines.at(-1)).toBe('Failed: Too late. Retry')
})

test('a failed upgrade says to which plan, and ends with what to do', async () => {
  const upgrade = { plan: 'large', fingerprint: 'f', requestedAt: '2026-01-01T00:00:02Z' } as const
  const failed = {
    attempt: 2,
    kind: 'upgrade',
    ...failure,
    failedAt: '2026-01-01T00:00:03Z',
  } as const

  const lines = await linesOf(
    timelineOf(
      log(
        { type: 'StoreRequested', data: { ...requested, plan: 'small' } },
        { type: 'StoreProvisioned', data: provisioned },
        { type: 'UpgradeRequested', data: upgrade },
        { type: 'StoreFailed', data: failed },
      ),
    ),
  )

  expect(lines[4]).toMatch(/UpgradeRequested .* → upgrading .* plan=large/)
  expect(lines[5]).toMatch(/StoreFailed .* → upgrade-failed .* kind=upgrade/)
  expect(lines.at(-1)).toBe('Not upgraded to large: Too late. Retry')
})

test('an event of a newer version is shown as it is', async () => {
  const [first] = log({ type: 'StoreRequested', data: requested })
  if (first === undefined) throw new Error('one event was asked for')
  const newer = { ...first, revision: 1n, type: 'StoreMoved', data: 'somewhere' }

  const lines = await linesOf(timelineOf([first, newer]))

  expect(lines[3]).toMatch(/StoreMoved .* → requested/)
})

test('NDJSON has a line for each event', async () => {
  const lines = await linesOf(ndjsonOf(log({ type: 'StoreRequested', data: requested })))

  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { revision: 0, position: '0', data: requested, metadata: { actor: 'user:alice' } },
  ])
})

function log(...events: StoreEvent[]): RecordedEvent[] {
  const who = { correlationId: 'c', actor: 'user:alice', tenantId: 'acme' }
  return events.map((event, index) => ({
    ...event,
    id: `00000000-0000-4000-8000-00000000000${index}`,
    stream: `store-${storeId}`,
    revision: BigInt(index),
    position: BigInt(index * 100),
    metadata: { ...who, schemaVersion, commandId: 'x' },
    recordedAt: `2026-01-01T00:00:0${index}.000Z`,
  }))
}

async function linesOf(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const line of lines) all.push(line)
  return all
}

test('a line shows the data of its event, without the digests', async () => {
  const detail = { release: 's-x', chartDigest: 'c'.repeat(64), exitCode: 0 }
  const data = { attempt: 1, step: 'install', detail, recordedAt: '2026-01-01T00:00:01.000Z' }

  const lines = await linesOf(
    timelineOf(
      log({ type: 'StoreRequested', data: requested }, { type: 'ProvisioningStepRecorded', data }),
    ),
  )

  expect(lines.find((line) => line.includes('StepRecorded'))).toMatch(
    / attempt=1 step=install release=s-x exitCode=0$/,
  )
})
