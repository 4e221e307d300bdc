/** What a writer expects of a stream: an exact last revision, or one of the named expectations. */
export type Expected = number | 'any' | 'no_stream' | 'stream_exists'

/** What the check may look at; `last` is -1 where the stream has no events. */
export interface StreamView {
  last: number
  /** The stream, or the one it describes, has ended for good. */
  tombstoned: boolean
  /** The metadata that deleted the stream softly. */
  softDeletedBy: string | undefined
  hasMetadata: boolean
  idAt: (revision: number) => string | undefined
  revisionSeen: (id: string) => number | undefined
}

export type Verdict =
  | { kind: 'append' }
  | { kind: 'idempotent'; revision: number }
  | { kind: 'conflict' }
  | { kind: 'deleted' }

/** Decides an append as EventStoreDB does: a repeated request succeeds and writes nothing. */
export function checkExpectedRevision(
  stream: StreamView,
  expected: Expected,
  ids: string[],
): Verdict {
  if (stream.tombstoned) return { kind: 'deleted' }
  if (expected === 'stream_exists') {
    if (stream.softDeletedBy !== undefined) return { kind: 'deleted' }
    if (stream.last < 0 && !stream.hasMetadata) return { kind: 'conflict' }
  }
  if (expected === 'any' || expected === 'stream_exists') return checkSeen(stream, ids)
  const revision = expected === 'no_stream' ? -1 : expected
  if (revision > stream.last) return { kind: 'conflict' }
  if (revision === stream.last) return { kind: 'append' }
  return checkEarlier(stream, revision, ids)
}

function checkSeen(stream: StreamView, ids: string[]): Verdict {
  let revision = stream.last
  for (const [index, id] of ids.entries()) {
    const seen = stream.revisionSeen(id)
    if (seen === undefined) return { kind: index === 0 ? 'append' : 'conflict' }
    revision = seen
  }
  return ids.length === 0 ? { kind: 'append' } : { kind: 'idempotent', revision }
}

function checkEarlier(stream: StreamView, expected: number, ids: string[]): Verdict {
  for (const [index, id] of ids.entries()) {
    const revision = expected + 1 + index
    if (stream.revisionSeen(id) === revision || stream.idAt(revision) === id) continue
    const recreates = index === 0 && expected === -1 && stream.softDeletedBy !== undefined
    return { kind: recreates ? 'append' : 'conflict' }
  }
  if (ids.length === 0) return { kind: 'conflict' }
  return { kind: 'idempotent', revision: expected + ids.length }
}
