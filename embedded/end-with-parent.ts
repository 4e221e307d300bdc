const LOOK_EVERY_MS = 1_000

/** Under npm, nothing may be left when npm is killed: it tells its child only of gentler ends. */
export function endWithParent(end: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    end()
  }, LOOK_EVERY_MS)
  timer.unref()
}
