import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

const ATTEMPTS_MAX = 50

/**
 * A free loopback port below the range the system gives to outgoing connections, so that a client
 * which calls a server again and again while it is down can take its port neither from it nor by
 * meeting itself.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(20_000, 30_000)
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
