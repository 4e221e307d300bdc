import { crc32 } from 'node:zlib'

/**
 * Streams and the numbers of their events in a few flat arrays: 4 bytes an event and some 20 a stream beside its name.
 * A table never changes; what is new lies in a `Map` over it until both are merged into the next table.
 */
export interface StreamTable {
  /** Of each stream's name. */
  hashes: Words
  /** Where each stream's name ends in `names`. */
  nameEnds: Words
  /** The names in UTF-8, one behind the other. */
  names: Buffer<ArrayBuffer>
  /** Where each stream's numbers end in `events`. */
  eventEnds: Words
  events: Words
  /** Of each stream, the number of the event that ended it, or NONE. */
  tombstones: Words
  /** Streams by their hash: their numbers plus 1, 0 where there is none. Made of the hashes. */
  slots: Words
}

type Words = Uint32Array<ArrayBuffer>

/** What is new of a stream. */
export interface NewEvents {
  events: number[]
  tombstone: number | undefined
}

const NONE = 0xffffffff
/** Streams that are looked at between two chances for other work. */
const STEP_STREAMS = 4_096
/** For which a builder has room at first. */
const FIRST_STREAMS = 4_096

/** A table that is to be filled; its slots come last, by `fillSlots`. */
export function newStreamTable(streams: number, nameBytes: number, events: number): StreamTable {
  return {
    hashes: new Uint32Array(streams),
    nameEnds: new Uint32Array(streams),
    names: Buffer.from(new ArrayBuffer(nameBytes)),
    eventEnds: new Uint32Array(streams),
    events: new Uint32Array(events),
    tombstones: new Uint32Array(streams),
    slots: new Uint32Array(2 ** Math.ceil(Math.log2(streams * 2 + 2))),
  }
}

/** Enters every stream of the hashes into the slots. */
export function* fillSlots({
  hashes,
  slots,
}: Pick<StreamTable, 'hashes' | 'slots'>): Generator<void> {
  const mask = slots.length - 1
  for (let stream = 0; stream < hashes.length; stream++) {
    let slot = (hashes[stream] ?? 0) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = stream + 1
    if (stream % STEP_STREAMS === 0) yield
  }
}

/** The stream's number in the table; -1 where it has none. */
export function findStream(table: StreamTable, name: string): number {
  const { slots, hashes, names, nameEnds } = table
  const mask = slots.length - 1
  const hash = crc32(name)
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const stream = (slots[slot] ?? 0) - 1
    if (stream < 0) return -1
    if (hashes[stream] !== hash) continue
    const start = stream === 0 ? 0 : nameEnds[stream - 1]
    if (names.toString('utf8', start, nameEnds[stream]) === name) return stream
  }
}

/** The numbers of the stream's events, by revision. */
export function eventsOf({ events, eventEnds }: StreamTable, stream: number): Words {
  return events.subarray(stream === 0 ? 0 : eventEnds[stream - 1], eventEnds[stream])
}

/** Number of the event that ended the stream for good. */
export function tombstoneOf({ tombstones }: StreamTable, stream: number): number | undefined {
  const tombstone = tombstones[stream] ?? NONE
  return tombstone === NONE ? undefined : tombstone
}

/** The table and what is new as one table, made in small steps; streams keep their numbers. */
export function* mergedTable(
  table: StreamTable,
  added: Map<string, NewEvents>,
): Generator<void, StreamTable> {
  const known: [stream: number, NewEvents][] = []
  const fresh: [name: Buffer, NewEvents][] = []
  let nameBytes = table.names.length
  let events = table.events.length
  let looked = 0
  for (const [name, entry] of added) {
    const stream = findStream(table, name)
    events += entry.events.length
    if (stream === -1) {
      const bytes = Buffer.from(name)
      nameBytes += bytes.length
      fresh.push([bytes, entry])
    } else known.push([stream, entry])
    if (++looked % STEP_STREAMS === 0) yield
  }
  known.sort(([a], [b]) => a - b)
  const target = newStreamTable(table.hashes.length + fresh.length, nameBytes, events)
  target.hashes.set(table.hashes)
  target.nameEnds.set(table.nameEnds)
  target.names.set(table.names)
  target.tombstones.set(table.tombstones)
  yield
  yield* lengthenStreams(target, table, known)
  yield* addStreams(target, table, fresh)
  yield* fillSlots(target)
  return target
}

/** Copies the events of all streams, each with its new ones behind the known. */
function* lengthenStreams(
  target: StreamTable,
  source: StreamTable,
  added: [stream: number, NewEvents][],
): Generator<void> {
  let stream = 0
  let read = 0
  let shift = 0
  for (const [index, [longer, { events, tombstone }]] of added.entries()) {
    for (; stream < longer; stream++)
      target.eventEnds[stream] = (source.eventEnds[stream] ?? 0) + shift
    const end = source.eventEnds[longer] ?? 0
    target.events.set(source.events.subarray(read, end), read + shift)
    target.events.set(events, end + shift)
    if (tombstone !== undefined) target.tombstones[longer] = tombstone
    read = end
    shift += events.length
    target.eventEnds[longer] = end + shift
    stream++
    if (index % STEP_STREAMS === 0) yield
  }
  for (; stream < source.eventEnds.length; stream++)
    target.eventEnds[stream] = (source.eventEnds[stream] ?? 0) + shift
  target.events.set(source.events.subarray(read), read + shift)
}

function* addStreams(
  target: StreamTable,
  source: StreamTable,
  added: [name: Buffer, NewEvents][],
): Generator<void> {
  let stream = source.hashes.length
  let nameEnd = source.names.length
  let eventEnd = target.events.length
  for (const [, { events }] of added) eventEnd -= events.length
  for (const [name, { events, tombstone }] of added) {
    target.hashes[stream] = crc32(name)
    nameEnd += name.copy(target.names, nameEnd)
    target.nameEnds[stream] = nameEnd
    target.events.set(events, eventEnd)
    eventEnd += events.length
    target.eventEnds[stream] = eventEnd
    target.tombstones[stream] = tombstone ?? NONE
    if (++stream % STEP_STREAMS === 0) yield
  }
}

/** Makes a table of a whole log, event by event: much faster, and in less memory, than by merging. */
export function streamTableBuilder() {
  let slots: Words = new Uint32Array(FIRST_STREAMS * 2)
  let hashes: Words = new Uint32Array(FIRST_STREAMS)
  let nameEnds: Words = new Uint32Array(FIRST_STREAMS)
  let names = Buffer.from(new ArrayBuffer(FIRST_STREAMS * 32))
  let owners: Words = new Uint32Array(FIRST_STREAMS)
  let streams = 0
  let nameBytes = 0
  let events = 0
  const tombstones: [stream: number, number: number][] = []
  const streamOf = (name: Buffer) => {
    const hash = crc32(name)
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const stream = (slots[slot] ?? 0) - 1
      if (stream < 0) return newStream(name, hash, slot)
      if (hashes[stream] !== hash) continue
      const start = stream === 0 ? 0 : nameEnds[stream - 1]
      if (name.compare(names, start, nameEnds[stream]) === 0) return stream
    }
  }
  const newStream = (name: Buffer, hash: number, slot: number) => {
    hashes = roomFor(hashes, streams)
    nameEnds = roomFor(nameEnds, streams)
    if (nameBytes + name.length > names.length)
      names = Buffer.from(names.buffer.transfer(names.length * 2 + name.length))
    nameBytes += name.copy(names, nameBytes)
    hashes[streams] = hash
    nameEnds[streams] = nameBytes
    slots[slot] = streams + 1
    if (++streams * 2 <= slots.length) return streams - 1
    slots = new Uint32Array(slots.length * 2)
    for (const _ of fillSlots({ hashes: hashes.subarray(0, streams), slots }));
    return streams - 1
  }
  return {
    /** Adds the next event of the log. */
    add: (name: Buffer, isTombstone: boolean) => {
      const stream = streamOf(name)
      owners = roomFor(owners, events)
      owners[events] = isTombstone ? NONE : stream
      if (isTombstone) tombstones.push([stream, events])
      events++
    },
    table: (): StreamTable => {
      const table = newStreamTable(streams, nameBytes, events - tombstones.length)
      table.hashes.set(hashes.subarray(0, streams))
      table.nameEnds.set(nameEnds.subarray(0, streams))
      table.names.set(names.subarray(0, nameBytes))
      table.tombstones.fill(NONE)
      for (const [stream, number] of tombstones) table.tombstones[stream] = number
      fillEvents(table, owners.subarray(0, events))
      for (const _ of fillSlots(table));
      return table
    },
  }
}

function roomFor(words: Words, index: number): Words {
  return index < words.length ? words : new Uint32Array(words.buffer.transfer(words.length * 8))
}

/** Sorts the events by the streams that own them. */
function fillEvents({ eventEnds, events }: StreamTable, owners: Words): void {
  for (const owner of owners) if (owner !== NONE) eventEnds[owner] = (eventEnds[owner] ?? 0) + 1
  let start = 0
  for (const [stream, count] of eventEnds.entries()) {
    eventEnds[stream] = start
    start += count
  }
  for (const [number, owner] of owners.entries()) {
    if (owner === NONE) continue
    const at = eventEnds[owner] ?? 0
    events[at] = number
    eventEnds[owner] = at + 1
  }
}
