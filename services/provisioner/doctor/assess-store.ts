import { pendingWork, type StoreState } from '#domain'
import type { ReleaseLabels } from '../reconcile/driver.ts'
import { type Finding, findingOf, named, type Repair } from './findings.ts'
import type { FoundRelease, LoggedStore } from './snapshot/snapshot.ts'

interface Assessment {
  store: LoggedStore
  /** What lies at the store's own location. */
  release: FoundRelease
  now: string
  silentMs: number
}

type Provisioned = Extract<StoreState, { status: 'ready' }>['provisioned']
type Assessed = Pick<Finding, 'kind' | 'sentence' | 'nextAction' | 'repair'>

const UPGRADE = 'An upgrade on its own plan recreates it with the current chart and keeps its data'
const GONE =
  'Its data is gone as well, and an empty store never replaces one that sold: delete it and request a new one, or restore it by hand'
const ENDING = 'Find out who is removing it, and check what is left afterwards'
const REMOVE = 'Find out what blocks its removal and remove it by hand: nothing else will'

/** The fault of the release at a store's own location, if there is one. */
export function assessRelease(assessment: Assessment): Finding | undefined {
  const { store, release } = assessment
  const assessed = isUnmanaged(store, release) ? unmanaged(store, release) : assess(assessment)
  return assessed && findingOf({ ...assessed, location: release, store })
}

/** The fault when nothing lies at a store's own location. */
export function assessMissing(store: LoggedStore, location: string): Finding | undefined {
  if (store.state.status !== 'ready' && store.state.status !== 'upgrade-failed') return undefined
  return findingOf({ ...missing(store), location: { location, name: location }, store })
}

const isUnmanaged = (store: LoggedStore, { store: owner, observed }: FoundRelease): boolean =>
  owner !== store.id || observed.status === 'unmanaged'

function unmanaged(
  store: LoggedStore,
  { store: owner, observed, ...release }: FoundRelease,
): Assessed {
  const ownerText = owner === undefined ? 'no store' : `store ${owner}`
  const detail = 'detail' in observed ? observed.detail : `it carries the labels of ${ownerText}`
  return {
    kind: 'unmanaged-release',
    sentence: `${named(release)} is reserved for store ${store.id}, but something else is there: ${detail}.`,
    nextAction: 'Find out who made it. The provisioner never touches it; remove it by hand',
  }
}

function assess(assessment: Assessment): Assessed | undefined {
  const { store, release } = assessment
  const { state } = store
  if (isRemoved(state)) return leftover(store, release, state.status)
  if (release.observed.status === 'pending')
    return isWorkedOn(assessment) ? undefined : abandoned(store, release)
  if (state.status === 'upgrade-failed' && release.observed.status === 'prepared')
    return { ...missing(store), ...again('RequestRetry', UPGRADE) }
  return state.status === 'ready' ? assessReady(store, release, state.provisioned) : undefined
}

const isRemoved = (state: StoreState): boolean =>
  state.status === 'deleted' || (state.status === 'failed' && state.failure.reason === 'CANCELLED')

function leftover(
  store: LoggedStore,
  { observed, ...release }: FoundRelease,
  status: string,
): Assessed {
  const what = status === 'deleted' ? 'deleted' : 'cancelled, and what had been made removed'
  return {
    kind: 'leftover',
    sentence: `Store ${store.id} was ${what}, but ${named(release)} is there${detailOf(observed)}.`,
    nextAction: REMOVE,
  }
}

/** Whether a worker is busy with it, or will be after the pause before the next attempt. */
function isWorkedOn({ store: { state, changedAt }, now, silentMs }: Assessment): boolean {
  if (pendingWork(state) === undefined) return false
  const notBefore = 'notBefore' in state ? (state.notBefore ?? changedAt) : changedAt
  const since = Math.max(Date.parse(changedAt), Date.parse(notBefore))
  return Date.parse(now) - since < silentMs
}

function abandoned(store: LoggedStore, release: FoundRelease): Assessed {
  const { status } = store.state
  const sentence = `A run of helm was cut off at ${named(release)}, and nobody works on store ${store.id} (${status}).`
  const kind = 'abandoned-release'
  if (status === 'failed' || status === 'upgrade-failed')
    return { kind, sentence, ...again('RequestRetry', 'Retry the store') }
  if (status === 'ready') return { kind, sentence, ...again('RequestUpgrade', UPGRADE) }
  return {
    kind,
    sentence,
    nextAction: 'Check whether provisioners run and take work: the first one that does fixes it',
  }
}

function assessReady(
  store: LoggedStore,
  { observed, ...release }: FoundRelease,
  wanted: Provisioned,
): Assessed | undefined {
  if (observed.status === 'prepared')
    return { ...missing(store), ...again('RequestUpgrade', UPGRADE) }
  if (observed.status === 'deployed') return drifted(store, release, drift(observed.labels, wanted))
  return {
    kind: 'broken-release',
    sentence: `Store ${store.id} is ready, but ${named(release)} is not whole${detailOf(observed)}.`,
    ...(observed.status === 'failed' ? again('RequestUpgrade', UPGRADE) : { nextAction: ENDING }),
  }
}

function missing({ id }: LoggedStore): Assessed {
  return {
    kind: 'missing-release',
    sentence: `Store ${id} was made ready, but there is no release of it.`,
    nextAction: GONE,
  }
}

const again = (repair: Repair, nextAction: string) => ({ repair, nextAction })

function drifted(
  { id }: LoggedStore,
  release: Pick<FoundRelease, 'location' | 'name'>,
  what: string[],
): Assessed | undefined {
  if (what.length === 0) return undefined
  return {
    kind: 'drifted-release',
    sentence: `${named(release)} was made from other ${what.join(' and another ')} than store ${id} was made ready with.`,
    ...again('RequestUpgrade', `Find out who changed it. ${UPGRADE}`),
  }
}

function drift({ values, chart }: ReleaseLabels, wanted: Provisioned): string[] {
  return [
    ...(isSame(values, wanted.valuesDigest) ? [] : ['values']),
    ...(isSame(chart, wanted.chartDigest) ? [] : ['chart']),
  ]
}

// A label of Kubernetes holds one character less than a SHA-256.
const isSame = (label: string, digest: string): boolean =>
  label === digest || (label.length === 63 && digest.startsWith(label))

const detailOf = (observed: object): string =>
  'detail' in observed && observed.detail !== '' ? `: ${String(observed.detail)}` : ''
