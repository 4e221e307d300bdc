/** The part of a stream's metadata that hides events from its readers. */
export interface StreamMetadata {
  /** Events below this revision are hidden. */
  truncateBefore?: number
  maxCount?: number
  maxAgeSeconds?: number
  /** The metadata's own text where it says that the stream is soft-deleted: all of it hidden until it is written to again. */
  softDeletedBy?: string
}

/** `$tb` of a soft-deleted stream: the greatest 64-bit integer, as EventStoreDB writes it. */
export const DELETED_REVISION = 9223372036854775807n

/** The metadata a soft delete writes. */
export const SOFT_DELETE_METADATA = `{"$tb":${DELETED_REVISION}}`

const MAX_AGE_SECONDS_MAX = 922_337_203_685n
const INTEGER = /^-?\d+$/
const ROLES = new Set(['$r', '$w', '$d', '$mr', '$mw'])

/** Reads the body of the newest event of a metadata stream; one key that cannot be read voids all of it, as in EventStoreDB. */
export function parseStreamMetadata(body: Buffer, contentType: string): StreamMetadata {
  if (contentType !== 'application/json') return {}
  const text = body.toString('utf8')
  try {
    return metadataOf(jsonEntries(text.replace(/^\uFEFF/, '')), text)
  } catch {
    return {}
  }
}

function metadataOf(entries: JsonEntry[], text: string): StreamMetadata {
  const metadata: StreamMetadata = {}
  for (const { key, source } of entries) {
    if (key === '$maxCount') {
      delete metadata.maxCount
      const maxCount = integerOf(source)
      if (maxCount > 0n) metadata.maxCount = Number(maxCount)
    } else if (key === '$tb') {
      delete metadata.softDeletedBy
      delete metadata.truncateBefore
      const truncateBefore = integerOf(source)
      if (truncateBefore >= 0n) metadata.truncateBefore = Number(truncateBefore)
      if (truncateBefore === DELETED_REVISION) metadata.softDeletedBy = text
    } else if (key === '$maxAge') {
      delete metadata.maxAgeSeconds
      const maxAge = secondsOf(source)
      if (maxAge > 0n) metadata.maxAgeSeconds = Number(maxAge)
    } else if (key === '$cacheControl') secondsOf(source)
    else if (key === '$acl') checkAccessList(source)
    else if (key === '$tmp' && !/^(true|false)$/.test(source)) throw new SyntaxError(key)
  }
  return metadata
}

function integerOf(source: string): bigint {
  const value = INTEGER.test(source) ? BigInt(source) : DELETED_REVISION + 1n
  if (value > DELETED_REVISION || value < -DELETED_REVISION - 1n) throw new SyntaxError(source)
  return value
}

function secondsOf(source: string): bigint {
  const seconds = integerOf(source)
  if (seconds > MAX_AGE_SECONDS_MAX || seconds < -MAX_AGE_SECONDS_MAX) throw new SyntaxError(source)
  return seconds
}

function checkAccessList(source: string): void {
  for (const { key, source: roles } of jsonEntries(source)) {
    const value: unknown = JSON.parse(roles)
    const names: unknown[] = Array.isArray(value) ? value : [value]
    if (ROLES.has(key) && names.some((name) => typeof name !== 'string'))
      throw new SyntaxError(source)
  }
}

/** The metadata that brings a soft-deleted stream back from `revision` on, its other keys kept; undefined where the text is no JSON object. */
export function metadataTruncatedBefore(text: string, revision: number): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    return JSON.stringify({ ...parsed, $tb: revision })
  } catch {
    return undefined
  }
}

/** Whether the stream was deleted softly: all of it hidden until it is written to again. */
export function isSoftDeleted(metadata: StreamMetadata): boolean {
  return metadata.softDeletedBy !== undefined
}

/** The lowest revision a reader of the stream may see, age left aside. */
export function firstVisibleRevision(metadata: StreamMetadata, last: number): number {
  const byCount = metadata.maxCount === undefined ? 0 : last - metadata.maxCount + 1
  return Math.max(0, metadata.truncateBefore ?? 0, byCount)
}

/** Whether an event, created at `createdMs`, is still young enough to be read. */
export function isYoungEnough(
  metadata: StreamMetadata,
  createdMs: number,
  now = Date.now(),
): boolean {
  return metadata.maxAgeSeconds === undefined || createdMs >= now - metadata.maxAgeSeconds * 1000
}

/** One entry of a JSON object: its key, and its value as it was written. */
interface JsonEntry {
  key: string
  source: string
}

const SPACE = /\s*/y
const STRING = /"(?:[^"\\]|\\.)*"/sy
const WORD = /[^\s,:[\]{}"]+/y
const BRACKET = /[[\]{},:]/y

/**
 * The entries of the object a text begins with, repeated keys included; throws SyntaxError where it begins with none.
 * JSON.parse would round large integers and keep one of two equal keys. What follows the object is not looked at.
 */
function jsonEntries(text: string): JsonEntry[] {
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const [found = ''] = pattern.exec(text) ?? []
    at += found.length
    return found
  }
  const expect = (pattern: RegExp, wanted?: string): string => {
    take(SPACE)
    const found = take(pattern)
    if (found === '' || (wanted !== undefined && found !== wanted)) throw new SyntaxError(text)
    return found
  }
  const value = (): string => {
    take(SPACE)
    const start = at
    for (let depth = 0; ;) {
      const token = take(STRING) || take(WORD) || expect(BRACKET)
      if (/^[[{]$/.test(token)) depth++
      if (/^[\]}]$/.test(token)) depth--
      if (depth < 0) throw new SyntaxError(text)
      if (depth === 0) break
      take(SPACE)
    }
    const source = text.slice(start, at)
    JSON.parse(source)
    return source
  }
  const entries: JsonEntry[] = []
  expect(BRACKET, '{')
  for (;;) {
    take(SPACE)
    const name = take(STRING)
    if (name === '') break
    const key: unknown = JSON.parse(name)
    expect(BRACKET, ':')
    entries.push({ key: String(key), source: value() })
    take(SPACE)
    if (text[at] !== ',') break
    at++
  }
  expect(BRACKET, '}')
  return entries
}
