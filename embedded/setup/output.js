const QUIET_MS = 2_000
const LINE_EVERY_MS = 10_000
const NAME_WIDTH = 13
let running = 0

/** One line about one tool, or about the packages. */
export function say(name, text) {
  process.stdout.write(`${name.padEnd(NAME_WIDTH)}${text}\n`)
}

/** One sentence on stderr; the cause stays out of it unless it is not one of ours. */
export function sayError(error) {
  process.stderr.write(`\nset-up failed: ${error instanceof Error ? error.message : error}\n`)
}

/** Runs `work`; from two seconds on it shows that, and for how long, it is at it. */
export async function withProgress(name, text, work) {
  const since = Date.now()
  let shownAt = -Infinity
  const show = () => {
    const line = `${name.padEnd(NAME_WIDTH)}${text} … ${Math.round((Date.now() - since) / 1_000)} s`
    // Two at a time would write over each other.
    const isAlone = process.stdout.isTTY && running === 1
    if (!isAlone && Date.now() - shownAt < LINE_EVERY_MS) return
    shownAt = Date.now()
    process.stdout.write(isAlone ? `\r${line}` : `${line}\n`)
  }
  running++
  let ticker
  const first = setTimeout(() => {
    show()
    ticker = setInterval(show, process.stdout.isTTY ? 1_000 : LINE_EVERY_MS)
  }, QUIET_MS)
  try {
    return await work()
  } finally {
    running--
    clearTimeout(first)
    clearInterval(ticker)
    if (ticker && process.stdout.isTTY) process.stdout.write('\n')
  }
}
