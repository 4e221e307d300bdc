import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

const ATTEMPTS_MAX = 50
/** Given to somebody in this process who may not listen yet. The oldest are forgotten. */
const given = new Set<number>()
const GIVEN_MAX = 2_000

/**
 * A free loopback port below the range the system gives to outgoing connections, so that a client
 * which calls a server again and again while it is down can take its port neither from it nor by
 * meeting itself. No two callers in this process get the same.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = randomInt(20_000, 30_000)
    if (given.has(port)) continue
    given.add(port)
    const [oldest] = given
    if (given.size > GIVEN_MAX && oldest !== undefined) given.delete(oldest)
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
