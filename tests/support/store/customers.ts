import { setTimeout as wait } from 'node:timers/promises'
import { exchange } from '../../../services/provisioner/smoke-test/exchange.ts'

const EVERY_MS = 200
const LIMIT_MS = 15_000

/**
 * Customers who look at the shop's goods, several a second, each on a connection of his own, until they are
 * told to stop; then says how many came and what each heard who did not get his page.
 */
export function sendCustomers(url: string, publishableKey: string) {
  const page = new URL('/store/products?limit=1&fields=id,handle', url)
  const headers = { 'x-publishable-api-key': publishableKey, 'x-forwarded-proto': 'https' }
  const lost: string[] = []
  const running = new Set<Promise<void>>()
  const stopped = new AbortController()
  let sent = 0
  const visit = async (): Promise<void> => {
    const at = new Date().toISOString()
    const signal = AbortSignal.timeout(LIMIT_MS)
    const request = { method: 'GET', url: page, headers, body: undefined, signal }
    const heard = await exchange(request).then(
      ({ status, text }) => (status === 200 ? undefined : `${status} ${text.slice(0, 200)}`),
      (error: unknown) => String(error),
    )
    if (heard !== undefined) lost.push(`${at} ${heard}`)
  }
  const send = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      sent++
      const visiting = visit().finally(() => running.delete(visiting))
      running.add(visiting)
      await wait(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const sending = send()
  return {
    stop: async (): Promise<{ sent: number; lost: string[] }> => {
      stopped.abort()
      await sending
      await Promise.all(running)
      return { sent, lost }
    },
  }
}
