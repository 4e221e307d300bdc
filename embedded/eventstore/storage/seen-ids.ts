const CAPACITY = 65_536

/** Which event ids were written lately, and as which revision; bounded, and empty after a restart. */
export interface SeenIds {
  revisionOf: (stream: string, id: string) => number | undefined
  add: (stream: string, id: string, revision: number) => void
}

/** Forgets the oldest id once `capacity` of them are known. */
export function seenIds(capacity = CAPACITY): SeenIds {
  const revisions = new Map<string, number>()
  const keyOf = (stream: string, id: string) => `${id}${stream}`
  return {
    revisionOf: (stream, id) => revisions.get(keyOf(stream, id)),
    add: (stream, id, revision) => {
      const key = keyOf(stream, id)
      revisions.delete(key)
      revisions.set(key, revision)
      if (revisions.size <= capacity) return
      for (const oldest of revisions.keys()) {
        revisions.delete(oldest)
        break
      }
    },
  }
}
