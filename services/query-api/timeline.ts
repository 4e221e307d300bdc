import { decodeMetadata, decodeStoreEvent } from '#contracts'
import { store, type StoreState } from '#domain'
import type { RecordedEvent } from '#eventstore'

/** The history for a person: a line for each event, what the store was after it, and its final state. */
export async function* timelineOf(
  events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>,
): AsyncGenerator<string> {
  let state: StoreState = store.initialState()
  let previous: RecordedEvent | undefined
  for await (const recorded of events) {
    const event = decodeStoreEvent(recorded)
    if (event !== undefined) state = store.evolve(state, event)
    if (previous === undefined) yield* headingOf(state)
    yield lineOf(recorded, { status: state.status, previous })
    previous = recorded
  }
  if (previous !== undefined) yield* endingOf(state)
}

function* headingOf(state: StoreState): Generator<string> {
  if (state.status === 'absent') return
  const { storeId, name, engine, plan, tenantId } = state.request
  yield `${name} (${engine}, ${plan}) of tenant ${tenantId}, store ${storeId}`
  yield ''
}

function* endingOf(state: StoreState): Generator<string> {
  yield ''
  if (state.status === 'ready') yield `Ready at ${state.provisioned.url}`
  else if (state.status === 'failed')
    yield `Failed: ${state.failure.detail}. ${state.failure.nextAction}`
  else if (state.status === 'upgrade-failed')
    yield `Not upgraded to ${state.upgrade.plan}: ${state.failure.detail}. ${state.failure.nextAction}`
  else yield `Now ${state.status}`
}

function lineOf(
  recorded: RecordedEvent,
  { status, previous }: { status: string; previous: RecordedEvent | undefined },
): string {
  const { actor, correlationId } = decodeMetadata(recorded)
  const since = previous === undefined ? '' : `+${seconds(previous, recorded)} s`
  const columns = [
    String(recorded.revision).padStart(3),
    recorded.recordedAt,
    since.padStart(10),
    recorded.type.padEnd(25),
    `→ ${status}`.padEnd(16),
    actor.padEnd(20),
    correlationId,
    detailsOf(recorded.data),
  ]
  return columns.join('  ').trimEnd()
}

function seconds(from: RecordedEvent, to: RecordedEvent): string {
  return ((Date.parse(to.recordedAt) - Date.parse(from.recordedAt)) / 1_000).toFixed(3)
}

// The heading shows some fields already; fields for machines are only in the NDJSON form.
const omitted = /^(storeId|tenantId|name|engine|fingerprint|claimId|.*Digest|.*At)$/

function detailsOf(data: unknown): string {
  if (typeof data !== 'object' || data === null) return ''
  return Object.entries(data)
    .filter(([name]) => !omitted.test(name))
    .map(([name, value]) => (isDetail(value) ? detailsOf(value) : `${name}=${shown(value)}`))
    .join(' ')
}

const isDetail = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value)
