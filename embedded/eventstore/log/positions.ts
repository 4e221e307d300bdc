/** Entries of a chunk; a power of two, so that a number's low bits are its place in its chunk. */
const CHUNK_ENTRIES = 65_536
const CHUNK_BITS = 16

interface Chunk {
  offsets: Float64Array<ArrayBuffer>
  /** A bit for each entry: whether its event is the first of a record. */
  begins: Uint8Array<ArrayBuffer>
}

/** Where each event's frame lies in the log, by the event's number: 8 bytes and a bit each, never moved or changed. */
export interface Positions {
  length: () => number
  at: (number: number) => number
  push: (position: number, beginsRecord: boolean) => void
  /** Number of the first event at or above `position`; the length where there is none. */
  firstAtOrAbove: (position: number) => number
  /** Number of the first event of the record that holds the event. */
  firstOfRecord: (number: number) => number
  /** Number of the first event behind the record that holds the event. */
  endOfRecord: (number: number) => number
  /** The bytes of the first `length` entries, in parts; later entries do not change them. */
  parts: (length: number) => Generator<Uint8Array<ArrayBuffer>>
}

/** An empty list; `filled` entries are to be written into its `parts` before anything else is done with it. */
export function growablePositions(filled = 0): Positions {
  const chunks: Chunk[] = []
  let length = filled
  while (chunks.length * CHUNK_ENTRIES < filled) chunks.push(newChunk())
  const chunkOf = (number: number) => chunks[number >>> CHUNK_BITS] ?? empty
  const at = (number: number) => chunkOf(number).offsets[number % CHUNK_ENTRIES] ?? NaN
  const begins = (number: number) => {
    const place = number % CHUNK_ENTRIES
    return (((chunkOf(number).begins[place >>> 3] ?? 0) >>> (place & 7)) & 1) === 1
  }
  return {
    length: () => length,
    at: (number) => (number < length ? at(number) : NaN),
    push: (position, beginsRecord) => {
      const place = length % CHUNK_ENTRIES
      if (place === 0) chunks.push(newChunk())
      const chunk = chunkOf(length)
      chunk.offsets[place] = position
      const bit = 1 << (place & 7)
      const byte = chunk.begins[place >>> 3] ?? 0
      chunk.begins[place >>> 3] = beginsRecord ? byte | bit : byte & ~bit
      length++
    },
    firstAtOrAbove: (position) => {
      let low = 0
      let high = length
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        if (at(middle) < position) low = middle + 1
        else high = middle
      }
      return low
    },
    firstOfRecord: (number) => {
      let first = number
      while (first > 0 && !begins(first)) first--
      return first
    },
    endOfRecord: (number) => {
      let end = number + 1
      while (end < length && !begins(end)) end++
      return end
    },
    parts: function* (wanted) {
      for (const [index, { offsets, begins: bits }] of chunks.entries()) {
        const entries = Math.min(CHUNK_ENTRIES, wanted - index * CHUNK_ENTRIES)
        if (entries <= 0) return
        yield new Uint8Array(offsets.buffer, 0, entries * offsets.BYTES_PER_ELEMENT)
        yield bits.subarray(0, Math.ceil(entries / 8))
      }
    },
  }
}

const empty: Chunk = { offsets: new Float64Array(), begins: new Uint8Array() }

function newChunk(): Chunk {
  return {
    offsets: new Float64Array(CHUNK_ENTRIES),
    begins: new Uint8Array(CHUNK_ENTRIES / 8),
  }
}

/** Bytes of `parts` of a list of that length. */
export function positionsBytes(length: number): number {
  const rest = length % CHUNK_ENTRIES
  const chunkBytes = CHUNK_ENTRIES * 8 + CHUNK_ENTRIES / 8
  return Math.floor(length / CHUNK_ENTRIES) * chunkBytes + rest * 8 + Math.ceil(rest / 8)
}
