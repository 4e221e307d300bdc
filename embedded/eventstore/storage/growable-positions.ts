const FIRST_CAPACITY = 4096

/** File offsets in order, 8 bytes each, growing by half. */
export interface Positions {
  length: () => number
  at: (index: number) => number
  push: (position: number) => void
  /** Index of the first entry at or above `position`; the length where there is none. */
  firstAtOrAbove: (position: number) => number
}

/** Makes an empty list. */
export function growablePositions(): Positions {
  let values = new Float64Array(FIRST_CAPACITY)
  let length = 0
  return {
    length: () => length,
    at: (index) => values[index] ?? NaN,
    push: (position) => {
      if (length === values.length) {
        const grown = new Float64Array(Math.ceil(length * 1.5))
        grown.set(values)
        values = grown
      }
      values[length++] = position
    },
    firstAtOrAbove: (position) => {
      let low = 0
      let high = length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((values[middle] ?? NaN) < position) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
