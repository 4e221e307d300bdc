/** The part of a stream's metadata that hides events from its readers. */
export interface StreamMetadata {
  /** Events below this revision are hidden. */
  truncateBefore?: number
  maxCount?: number
  maxAgeSeconds?: number
}

/** `$tb` of a soft-deleted stream: the greatest 64-bit integer, as EventStoreDB writes it. */
export const DELETED_REVISION = 9223372036854775807n

/** The metadata a soft delete writes. */
export const SOFT_DELETE_METADATA = `{"$tb":${DELETED_REVISION}}`

/** Reads the body of a `$metadata` event; what cannot be understood hides nothing. */
export function parseStreamMetadata(body: Buffer): StreamMetadata {
  const raw = parseObject(body)
  const metadata: StreamMetadata = {}
  const truncateBefore = countOf(raw['$tb'])
  const maxCount = countOf(raw['$maxCount'])
  const maxAgeSeconds = countOf(raw['$maxAge'])
  if (truncateBefore !== undefined) metadata.truncateBefore = truncateBefore
  if (maxCount !== undefined && maxCount > 0) metadata.maxCount = maxCount
  if (maxAgeSeconds !== undefined && maxAgeSeconds > 0) metadata.maxAgeSeconds = maxAgeSeconds
  return metadata
}

/** The body of the `$metadata` event that brings a soft-deleted stream back from `revision` on. */
export function metadataTruncatedBefore(body: Buffer | undefined, revision: number): string {
  return JSON.stringify({ ...(body && parseObject(body)), $tb: revision })
}

/** Whether the stream was deleted softly: all of it hidden until it is written to again. */
export function isSoftDeleted(metadata: StreamMetadata): boolean {
  return (metadata.truncateBefore ?? 0) >= Number(DELETED_REVISION)
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

function parseObject(body: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}
