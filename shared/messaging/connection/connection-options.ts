import type { ConnectionOptions } from 'nats'

/** Options of a connection that never gives up and notices a frozen server within 15 s. */
export function connectionOptions(url: string, name: string): ConnectionOptions {
  const addresses = url.split(',').map((address) => new URL(address.trim()))
  const [first] = addresses
  return {
    servers: addresses.map(({ host }) => host),
    name,
    timeout: 3_000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 4_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(addresses.some(({ protocol }) => protocol === 'tls:') && { tls: {} }),
    ...(first?.username && {
      user: decodeURIComponent(first.username),
      pass: decodeURIComponent(first.password),
    }),
  }
}
