import { setTimeout as wait } from 'node:timers/promises'

const PAUSE_MS = 50
const IN_TIME_MS = 2 * PAUSE_MS
const LOOK_EVERY_MS = 10

export type FairClock = ReturnType<typeof fairClock>

/**
 * A clock for limits that are promised: it stands still while the machine is too busy to keep any. Again and again it
 * pauses, has `control` do what takes no time on a free machine, and counts the round if that was so.
 */
export function fairClock(control: () => Promise<unknown>) {
  const begun = performance.now()
  const over = new AbortController()
  let countedMs = 0
  const running = (async () => {
    while (!over.signal.aborted) {
      const since = performance.now()
      await wait(PAUSE_MS)
      await control()
      const tookMs = performance.now() - since
      if (tookMs <= IN_TIME_MS) countedMs += tookMs
    }
  })()
  return {
    /**
     * Waits until it is so, and returns how many milliseconds that took. Throws, saying what it waited for, when more
     * than the limit has gone by on this clock since now.
     */
    within: async (limitMs: number, what: string, isSo: () => boolean): Promise<number> => {
      const [counted, since] = [countedMs, performance.now()]
      while (!isSo()) {
        if (countedMs - counted > limitMs)
          throw new Error(`It took more than ${limitMs} ms until ${what}`)
        await wait(LOOK_EVERY_MS)
      }
      return performance.now() - since
    },
    /** How much of the time was counted. */
    counted: () => `${Math.round((100 * countedMs) / (performance.now() - begun))} %`,
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await running
    },
  }
}
