import { randomInt } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

const ATTEMPTS_MAX = 50
/** Given to somebody who may not listen yet, or not at the moment. The oldest are forgotten. */
const given = new Map<number, Socket>()
const GIVEN_MAX = 500

/**
 * A free loopback port below the range the system gives to outgoing connections, so that a client
 * which calls a server again and again while it is down can take its port neither from it nor by
 * meeting itself. No two callers get the same while the process of the first lives, so that a server
 * which is started again finds its port: the process holds the UDP port of that number, which is in
 * nobody's way.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(20_000, 30_000)
    const held = await hold(port)
    if (held === undefined) continue
    given.set(port, held)
    forgetOldest()
    if (await isFree(port)) return port
  }
  throw new Error('No free port was found between 20000 and 30000 on 127.0.0.1')
}

/** Whether `port` can be listened on at `host` now. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** Undefined when another process holds it, or this one. */
async function hold(port: number): Promise<Socket | undefined> {
  const socket = createSocket('udp4').unref()
  try {
    // Without exclusive, workers of a cluster would share it.
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await once(socket, 'listening')
    return socket
  } catch {
    socket.close()
    return undefined
  }
}

function forgetOldest(): void {
  const [oldest] = given
  if (given.size <= GIVEN_MAX || oldest === undefined) return
  const [port, held] = oldest
  given.delete(port)
  held.close()
}
