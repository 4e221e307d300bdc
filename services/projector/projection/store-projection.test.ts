import { historyOf, recordedLog, uuidOf } from '#test/projector/recorded-log'
import { expect, test } from 'vitest'
import { projectEvent, storeIdOfStream, type StoreProjection } from './store-projection.ts'

const log = recordedLog(historyOf([0, 1, 2].map((choice) => ({ store: 0, choice }))))
const [requested, started, provisioned] = log
if (!requested || !started || !provisioned) throw new Error('three events were asked for')

test('a stream is folded by the domain, with revision, position and time of its last event', () => {
  let projection: StoreProjection | undefined
  for (const event of log) {
    const projected = projectEvent(projection, event)
    if (projected.kind === 'projected') projection = projected.projection
  }

  expect(projection).toMatchObject({
    state: { status: 'ready', attempt: 1 },
    revision: 2n,
    position: provisioned.position,
    updatedAt: provisioned.recordedAt,
  })
})

test('an event that is held already changes nothing', () => {
  expect(projectEvent(after(requested), requested)).toEqual({ kind: 'held' })
})

test('a hole in the revisions is refused: something is missing', () => {
  expect(projectEvent(after(requested), provisioned)).toEqual({
    kind: 'refused',
    reason: 'revision 2 follows 0: events are missing',
  })
})

test('an event before StoreRequested is refused', () => {
  expect(projectEvent(undefined, { ...started, revision: 0n })).toEqual({
    kind: 'refused',
    reason: 'ProvisioningStarted before StoreRequested',
  })
})

test('an event of an unknown type moves the revision and nothing else', () => {
  const before = after(requested)
  const projected = projectEvent(before, { ...started, type: 'FromTheFuture' })

  expect(projected).toMatchObject({
    kind: 'projected',
    projection: { state: before.state, revision: 1n, position: started.position },
  })
  expect(projectEvent(undefined, { ...requested, type: 'FromTheFuture' })).toEqual({
    kind: 'unknown',
  })
})

test('an event that cannot be read is refused with what is wrong in it', () => {
  const projected = projectEvent(after(requested), { ...started, data: { attempt: 'one' } })

  expect(projected).toEqual({ kind: 'refused', reason: expect.stringContaining('attempt') })
})

test('a store in the stream of another, or in one without an id, is refused', () => {
  for (const stream of [`store-${uuidOf('other')}`, 'store-nameless'])
    expect(projectEvent(undefined, { ...requested, stream })).toMatchObject({ kind: 'refused' })
})

test('only a canonical UUID names a store', () => {
  const id = uuidOf('x')
  expect(storeIdOfStream(`store-${id}`)).toBe(id)
  expect(storeIdOfStream(`store-${id.toUpperCase()}`)).toBeUndefined()
  expect(storeIdOfStream(`store-${id}-1`)).toBeUndefined()
})

function after(event: NonNullable<typeof requested>): StoreProjection {
  const projected = projectEvent(undefined, event)
  if (projected.kind !== 'projected') throw new Error(`${event.type} was not projected`)
  return projected.projection
}
