import { printable } from '../redact.ts'
import type { FoundRelease, LoggedStore } from './snapshot/snapshot.ts'

export const findingKinds = [
  'orphan-release',
  'missing-release',
  'unmanaged-release',
  'second-release',
  'drifted-release',
  'broken-release',
  'leftover',
  'abandoned-release',
  'unreadable-store',
] as const
type FindingKind = (typeof findingKinds)[number]

/** The commands the doctor may send, as the store's owner could. */
export type Repair = 'RequestRetry' | 'RequestUpgrade'

/** One point on which log and releases disagree. */
export interface Finding {
  /** Stable: the same finding has the same id in every run. */
  id: string
  kind: FindingKind
  /** Where the release lies: namespace or folder. */
  release: string
  storeId?: string
  tenantId?: string
  /** For a person. */
  sentence: string
  nextAction: string
  /** The command that fixes it the ordinary way; absent where nothing in the system can. */
  repair?: Repair
}

interface Words {
  kind: FindingKind
  location: { location: string; name: string }
  store?: LoggedStore | undefined
  sentence: string
  nextAction: string
  repair?: Repair
}

const TEXT_MAX = 300

/** A finding with its id; text from elsewhere in it is made safe for a terminal. */
export function findingOf({ kind, location, store, sentence, nextAction, repair }: Words): Finding {
  const tenantId = store && 'request' in store.state ? store.state.request.tenantId : undefined
  return {
    id: `${kind}:${named(location)}`,
    kind,
    release: location.location,
    ...(store && { storeId: store.id }),
    ...(tenantId !== undefined && { tenantId }),
    sentence: printable(sentence, TEXT_MAX, 'start'),
    nextAction,
    ...(repair && { repair }),
  }
}

/** A release by its location, and by its own name where that differs. */
export function named({ location, name }: Pick<FoundRelease, 'location' | 'name'>): string {
  return printable(location === name ? location : `${location}/${name}`, TEXT_MAX)
}
