const queues = new WeakMap<object, Map<string, Promise<unknown>>>()

/**
 * Runs `work` after what was handed over earlier for the same owner and key. Writers of one process then meet
 * conflicts only with other processes; nothing relies on it for correctness.
 */
export async function inTurn<T>(owner: object, key: string, work: () => Promise<T>): Promise<T> {
  const queue = queues.get(owner) ?? new Map<string, Promise<unknown>>()
  queues.set(owner, queue)
  const earlier = queue.get(key)
  const turn = earlier ? earlier.then(work, work) : work()
  queue.set(key, turn)
  try {
    return await turn
  } finally {
    if (queue.get(key) === turn) queue.delete(key)
  }
}
