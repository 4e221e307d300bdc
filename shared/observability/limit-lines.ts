const EVERY_MS = 1_000
const KINDS_MAX = 500

/** Fields for a line: `times` when it stands for several. */
interface Counted {
  times?: number
}

type Write = (counted: Counted) => void

/**
 * Lets the first line of a kind through at once and then one a second, which stands for all since the one before:
 * an outage that every request runs into must not fill the disk. Nothing is left uncounted.
 */
export function limitLines(everyMs = EVERY_MS): (kind: string, write: Write) => void {
  const held = new Map<string, { times: number; write: Write }>()
  const hold = (kind: string, write: Write) => {
    held.set(kind, { times: 0, write })
    setTimeout(() => {
      const { times, write: newest } = held.get(kind) ?? { times: 0, write }
      held.delete(kind)
      if (times === 0) return
      newest(times === 1 ? {} : { times })
      hold(kind, newest)
    }, everyMs).unref()
  }
  return (given, write) => {
    const kind = held.size < KINDS_MAX || held.has(given) ? given : 'any other'
    const waiting = held.get(kind)
    if (waiting !== undefined) {
      waiting.times += 1
      waiting.write = write
      return
    }
    write({})
    hold(kind, write)
  }
}

/** What errors of one kind share: their messages and those of their causes, without numbers and ids. */
export function kindOfError(error: unknown): string {
  if (!(error instanceof Error)) return withoutIds(String(error))
  const cause = error.cause === undefined ? '' : ` < ${kindOfError(error.cause)}`
  return `${error.name}: ${withoutIds(error.message)}${cause}`
}

const KIND_CHARACTERS_MAX = 300

function withoutIds(text: string): string {
  return text.slice(0, KIND_CHARACTERS_MAX).replaceAll(/[\da-f-]*\d[\da-f-]*/gi, '#')
}
