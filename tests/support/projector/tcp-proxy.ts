import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../embedded/processes/free-port.ts'

/** A way to a server on this machine that can be cut: both ends lose the other's answer. */
export async function tcpProxy(target: string) {
  const sockets = new Set<Socket>()
  let isClosed = false
  const server = createServer((near) => {
    if (isClosed) {
      near.destroy()
      return
    }
    const far = connect(Number(new URL(target).port), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => sockets.delete(from))
    }
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    /** The target's address by way of the proxy. */
    url: Object.assign(new URL(target), { port: String(port) }).href,
    /** Ends all connections at once, in both directions; new ones are served. */
    cut,
    /** Ends all connections, and every new one at once. */
    close: () => {
      isClosed = true
      cut()
    },
    open: () => {
      isClosed = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
