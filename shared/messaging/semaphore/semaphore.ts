import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { ensureTopology } from '../ensure-topology.ts'
import type { Messaging } from '../messaging.ts'
import { defaultTimings } from '../topology.ts'
import { watchPlaces } from './observe.ts'
import { type HeldPlace, holdPlace } from './permit.ts'
import { placeSubject, readPlace, writePlace } from './record.ts'

const TURN_MS = 10
// What was sent while the connection was lost is given up after 2 s, and then sent again.
const LOST_WRITE_MS = 2_500

/** One of a group's places. Disposing gives it back; never throws. */
export type Place = AsyncDisposable

/** A number of places for each group, shared by all processes. A hint: nothing that must be right may hang on it. */
export interface Places {
  /** Waits until one of the group's places is free; undefined on abort. */
  take: (group: PlaceGroup, signal: AbortSignal) => Promise<Place | undefined>
  /** One of the group's places, or undefined when none is known to be free. Never throws. */
  tryTake: (group: PlaceGroup) => Promise<Place | undefined>
  close: () => void
}

interface PlaceGroup {
  /** Letters, digits, `-` and `_`. */
  name: string
  placesMax: number
}

interface PlaceTimings {
  /** A holder that was silent for so long has lost its place. */
  leaseTtlMs: number
  renewEveryMs: number
}

/** Opens the bucket that `ensureTopology` made. */
export function openPlaces(
  messaging: Messaging,
  { leaseTtlMs, renewEveryMs }: PlaceTimings = { ...defaultTimings, renewEveryMs: 4_000 },
): Places {
  const watched = watchPlaces(messaging, leaseTtlMs)
  const held = new Map<HeldPlace, string>()
  const renewAll = () => {
    for (const place of held.keys()) void place.renew()
  }
  const renewals = setInterval(renewAll, renewEveryMs)
  // After an outage others get the time to show what they hold.
  const forget = messaging.onReconnect(() => void makeBucket(messaging).then(renewAll))
  const mayTake = () =>
    messaging.isConnected() &&
    (messaging.connects() === 1 || messaging.connectedForMs() > renewEveryMs + LOST_WRITE_MS)
  const heldIn = (name: string) => [...held.values()].filter((group) => group === name).length

  async function takeOne(subject: string, name: string): Promise<Place | undefined> {
    const stored = await readPlace(messaging, subject)
    if (!watched.isFree(subject, stored)) return undefined
    const holder = randomUUID()
    const sequence = await writePlace(messaging, subject, { expected: stored.sequence, holder })
    if (sequence === undefined) return undefined
    const onEnd = () => held.delete(place)
    const place: HeldPlace = holdPlace(messaging, { subject, holder, sequence, onEnd })
    held.set(place, name)
    return place
  }

  async function tryTake(group: PlaceGroup): Promise<Place | undefined> {
    if (!mayTake()) return undefined
    try {
      for (const subject of shuffled(subjectsOf(group).filter(watched.mayBeFree))) {
        const place = await takeOne(subject, group.name)
        if (place !== undefined) return place
      }
    } catch (err) {
      messaging.logger.warn({ err, group: group.name }, 'Places could not be looked at')
      await makeBucket(messaging)
    }
    return undefined
  }

  async function takeInTurn(group: PlaceGroup, signal: AbortSignal): Promise<Place | undefined> {
    while (!signal.aborted) {
      // Who has fewer is quicker, so that no process keeps all the places.
      const pauseMs = TURN_MS * (heldIn(group.name) + Math.random())
      await wait(pauseMs, undefined, { signal }).catch(() => {})
      const place = signal.aborted ? undefined : await tryTake(group)
      if (place !== undefined) return place
      await watched.change(subjectsOf(group), signal)
    }
    return undefined
  }

  const turns = new Map<string, Promise<unknown>>()
  return {
    take: (group, signal) => {
      const before = turns.get(group.name) ?? Promise.resolve()
      const mine = before.then(() => takeInTurn(group, signal))
      turns.set(group.name, mine)
      return mine
    },
    tryTake,
    close: () => {
      clearInterval(renewals)
      forget()
      watched.close()
    },
  }
}

// A single server forgets a bucket in memory when it restarts.
async function makeBucket(messaging: Messaging): Promise<void> {
  if (messaging.isConnected()) await ensureTopology(messaging).catch(() => {})
}

function subjectsOf({ name, placesMax }: PlaceGroup): string[] {
  return Array.from({ length: placesMax }, (_, number) => placeSubject(name, number))
}

/** In another order every time, so that not all look at the same place first. */
function shuffled(subjects: string[]): string[] {
  return subjects
    .map((subject) => ({ subject, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ subject }) => subject)
}
