import { releaseNameOf } from '#domain'
import { historyOf, recordedLog } from '#test/projector/recorded-log'
import { expect, test } from 'vitest'
import { foldEvents } from './fold-events.ts'
import { storeRow } from './statements.ts'

const REQUEST = 0
const CLAIM = 1
const COMPLETE = 2
const FAIL = 3
const DELETE = 4
const UNINSTALLED = 5
const UPGRADE = 8
const CHANGE = 9

test.for([
  [[REQUEST], { status: 'requested', attempt: 0, url: null, failure: null, deletedAt: null }],
  [[REQUEST, CLAIM, COMPLETE], { status: 'ready', url: 'http://s-x.test' }],
  [[REQUEST, CLAIM, FAIL], { status: 'requested', failure: { reason: 'HELM_FAILED' } }],
  [
    [REQUEST, CLAIM, FAIL, CLAIM, FAIL],
    { status: 'failed', failure: { nextAction: 'Look at the chart' } },
  ],
  [[REQUEST, CLAIM, COMPLETE, DELETE], { status: 'deleting', url: null }],
  [
    [REQUEST, CLAIM, COMPLETE, DELETE, CLAIM, UNINSTALLED],
    { status: 'deleted', deletedAt: '2026-01-01T00:00:05.000Z', revision: 5 },
  ],
  [
    [REQUEST, CLAIM, COMPLETE, UPGRADE],
    {
      status: 'upgrading',
      plan: 'small',
      url: 'http://s-x.test',
      chartVersion: '1.0.0',
      upgrade: { plan: 'large', requestedAt: '2026-01-01T00:00:03.000Z' },
    },
  ],
  [
    [REQUEST, CLAIM, COMPLETE, UPGRADE, CLAIM, FAIL, CLAIM, FAIL],
    {
      status: 'upgrade-failed',
      plan: 'small',
      url: 'http://s-x.test',
      failure: { reason: 'HELM_FAILED' },
      upgrade: { plan: 'large' },
    },
  ],
  [
    [REQUEST, CLAIM, COMPLETE, UPGRADE, CLAIM, COMPLETE],
    { status: 'ready', plan: 'large', upgrade: null, failure: null },
  ],
  [
    [REQUEST, CLAIM, CHANGE, COMPLETE],
    { status: 'ready', name: 'Store of 2026-01-01T00:00:02.000Z', labels: { at: '02' } },
  ],
  [
    [REQUEST, CLAIM, COMPLETE, UPGRADE, CLAIM, DELETE],
    { status: 'deleting', url: null, chartVersion: null, upgrade: null },
  ],
] as const)('after %j a row shows what holds then', ([choices, shown]) => {
  const log = recordedLog(historyOf(choices.map((choice) => ({ store: 0, choice }))))

  const [projection] = [...foldEvents(new Map(), log).changed.values()]

  if (projection === undefined) throw new Error('nothing was folded')
  const release = releaseNameOf(projection.state.request.storeId)
  expect(storeRow(projection)).toMatchObject({
    tenant_id: 'tenant-0',
    engine: 'woocommerce',
    status: shown.status,
    created_at: '2026-01-01T00:00:00.000Z',
    position: String(log.at(-1)?.position),
    view: { tenantId: 'tenant-0', engine: 'woocommerce', release, namespace: release, ...shown },
  })
})
