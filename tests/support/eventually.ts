import { setTimeout as wait } from 'node:timers/promises'

// More where a suite shares its machine with servers that take all of it.
const patience = Number(process.env['TEST_PATIENCE'] ?? 1)

/** Tries `attempt` again and again until it passes; its last error is thrown when time is up. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 15_000, everyMs = 25 } = {},
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs * patience
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (Date.now() > giveUpAt) throw error
    }
    await wait(everyMs)
  }
}
