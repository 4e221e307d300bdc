/** Mulberry32: the same numbers, from 0 to below 1, for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed * 0x9e3779b9
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** One of these; throws when there is none. */
export function pick<T>(items: readonly T[], random: () => number): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('There is nothing to pick from')
  return item
}

/** The seeds to follow: as many as TEST_SEEDS says, from 0 on, or the one that TEST_SEED names; else the usual ones. */
export function chosenSeeds(usual: number[]): number[] {
  const { TEST_SEED, TEST_SEEDS } = process.env
  if (TEST_SEED !== undefined) return [Number(TEST_SEED)]
  return TEST_SEEDS === undefined ? usual : seedsBelow(Number(TEST_SEEDS))
}

export const seedsBelow = (count: number): number[] =>
  Array.from({ length: count }, (_, seed) => seed)

/** The middle and the greatest of many, in milliseconds. */
export function p50AndMax(durations: number[]): string {
  const sorted = durations.toSorted((one, other) => one - other)
  const [p50, max] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)]
  return `p50 ${Math.round(p50 ?? 0)} ms, max ${Math.round(max ?? 0)} ms over ${sorted.length} faults`
}
