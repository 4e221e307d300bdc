/** How far a filtered subscription has searched the log; `preparePosition` is 0 where EventStoreDB names none. */
export interface Checkpoint {
  commitPosition: number
  preparePosition: number
}

/** Events EventStoreDB sends at a time while a subscriber catches up. */
const PAGE_MATCHES_MAX = 32

interface CheckpointOptions {
  /** Events that are searched at a time while catching up. */
  windowEvents: number
  /** Events from one checkpoint to the next. */
  checkpointEvents: number
}

/** Says after which events a filtered subscription is sent a checkpoint, and which: exactly those EventStoreDB sends. */
export function checkpoints({ windowEvents, checkpointEvents }: CheckpointOptions) {
  let live = false
  let searched = 0
  let page = newPage()
  const due = (checkpoint: Checkpoint) => {
    if (searched < checkpointEvents) return undefined
    searched %= checkpointEvents
    return checkpoint
  }
  const endPage = () => {
    const { events, first, lastMatch } = page
    searched += events
    page = newPage()
    if (lastMatch === undefined) return due({ commitPosition: first, preparePosition: 0 })
    return due({ commitPosition: lastMatch, preparePosition: lastMatch })
  }
  return {
    /** To be told of each event in order; returns the checkpoint that follows it. */
    after: (position: number, matched: boolean): Checkpoint | undefined => {
      if (live) {
        searched++
        return due({ commitPosition: position, preparePosition: position })
      }
      if (page.events === 0) page.first = position
      page.events++
      if (matched) {
        page.matches++
        page.lastMatch = position
      }
      const full = page.events >= windowEvents || page.matches >= PAGE_MATCHES_MAX
      return full ? endPage() : undefined
    },
    /** The subscriber has caught up: from now on the log is searched event by event. */
    goLive: (): Checkpoint | undefined => {
      live = true
      return page.events > 0 ? endPage() : undefined
    },
  }
}

function newPage() {
  return { events: 0, matches: 0, first: 0, lastMatch: undefined as number | undefined }
}
