import { setTimeout as wait } from 'node:timers/promises'
import { kindOfError } from '#observability'
import { ensureTopology } from '../ensure-topology.ts'
import type { Messaging } from '../messaging.ts'
import { defaultTimings } from '../topology.ts'
import { watchPermits } from './observe.ts'
import { acquirePermit, type HeldPermit, permitSubject, readPermit } from './permit.ts'

const TURN_MS = 10
// What was sent while the connection was lost is given up after 2 s, and then sent again.
const LOST_WRITE_MS = 2_500

/** The right to do one of a limited number of things at once. Disposing releases it; never throws. */
export type Permit = AsyncDisposable

/** A counting semaphore for each group, shared by all processes. A hint: nothing that must be right may depend on it. */
export interface Semaphore {
  /** Waits until one of the group's permits is free; undefined on abort. */
  acquire: (group: PermitGroup, signal: AbortSignal) => Promise<Permit | undefined>
  /** One of the group's permits, or undefined when none is known to be free. Never throws. */
  tryAcquire: (group: PermitGroup) => Promise<Permit | undefined>
  close: () => void
}

interface PermitGroup {
  /** Letters, digits, `-` and `_`. */
  name: string
  permitsMax: number
}

interface SemaphoreTimings {
  /** A holder that is silent for longer loses its permit. */
  leaseTtlMs: number
  renewEveryMs: number
}

/** Opens the bucket that `ensureTopology` made. */
export function openSemaphore(
  messaging: Messaging,
  { leaseTtlMs, renewEveryMs }: SemaphoreTimings = { ...defaultTimings, renewEveryMs: 4_000 },
): Semaphore {
  const watched = watchPermits(messaging, leaseTtlMs)
  const held = new Map<HeldPermit, string>()
  const renewAll = () => {
    for (const permit of held.keys()) void permit.renew()
  }
  const renewals = setInterval(renewAll, renewEveryMs)
  // After an outage the other holders get the time to show what they hold.
  const unregister = messaging.onReconnect(() => void makeBucket(messaging).then(renewAll))
  const mayAcquire = () =>
    messaging.isConnected() &&
    (messaging.connects() === 1 || messaging.connectedForMs() > renewEveryMs + LOST_WRITE_MS)
  const heldIn = (name: string) => [...held.values()].filter((group) => group === name).length

  async function acquireOne(subject: string, name: string): Promise<Permit | undefined> {
    const stored = await readPermit(messaging, subject)
    if (!watched.isFree(subject, stored)) return undefined
    const onRelease = (released: HeldPermit) => held.delete(released)
    const free = { subject, expected: stored.sequence, onRelease }
    const permit = await acquirePermit(messaging, free)
    if (permit !== undefined) held.set(permit, name)
    return permit
  }

  async function tryAcquire(group: PermitGroup): Promise<Permit | undefined> {
    if (!mayAcquire()) return undefined
    try {
      for (const subject of shuffled(subjectsOf(group).filter(watched.mayBeFree))) {
        const permit = await acquireOne(subject, group.name)
        if (permit !== undefined) return permit
      }
    } catch (err) {
      messaging.limited(`permits: ${kindOfError(err)}`, (counted) =>
        messaging.logger.warn(
          { err, group: group.name, ...counted },
          'The permits could not be read',
        ),
      )
      await makeBucket(messaging)
    }
    return undefined
  }

  async function acquireInTurn(
    group: PermitGroup,
    signal: AbortSignal,
  ): Promise<Permit | undefined> {
    while (!signal.aborted) {
      // A process with fewer permits is quicker, so that no process keeps all of them.
      const pauseMs = TURN_MS * (heldIn(group.name) + Math.random())
      await wait(pauseMs, undefined, { signal }).catch(() => {})
      const permit = signal.aborted ? undefined : await tryAcquire(group)
      if (permit !== undefined) return permit
      await watched.change(subjectsOf(group), signal)
    }
    return undefined
  }

  const turns = new Map<string, Promise<unknown>>()
  return {
    acquire: (group, signal) => {
      const before = turns.get(group.name) ?? Promise.resolve()
      const mine = before.then(() => acquireInTurn(group, signal))
      turns.set(group.name, mine)
      return mine
    },
    tryAcquire,
    close: () => {
      clearInterval(renewals)
      unregister()
      watched.close()
    },
  }
}

// A single server forgets a bucket in memory when it restarts.
async function makeBucket(messaging: Messaging): Promise<void> {
  if (messaging.isConnected()) await ensureTopology(messaging).catch(() => {})
}

function subjectsOf({ name, permitsMax }: PermitGroup): string[] {
  return Array.from({ length: permitsMax }, (_, number) => permitSubject(name, number))
}

/** In another order every time, so that not all processes try the same permit first. */
function shuffled(subjects: string[]): string[] {
  return subjects
    .map((subject) => ({ subject, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ subject }) => subject)
}
