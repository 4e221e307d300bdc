/** Runs one batch at a time; items that are added while it runs go into the next. Order is kept. */
export function inBatches<Item>(run: (items: Item[]) => Promise<void>, itemsMax: number) {
  let waiting: Item[] = []
  let running = false
  const drain = async () => {
    running = true
    while (waiting.length > 0) {
      const items = waiting.slice(0, itemsMax)
      waiting = waiting.slice(itemsMax)
      await run(items)
    }
    running = false
  }
  return {
    /** `run` must not reject: it tells each item how it went. */
    add: (item: Item): void => {
      waiting.push(item)
      if (!running) void drain()
    },
    isIdle: () => !running,
  }
}
