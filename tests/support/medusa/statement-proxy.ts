import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../embedded/processes/free-port.ts'

/** An SSLRequest has this in the place of a version; the start-up message proper follows it. */
const SSL_REQUEST = 80_877_103
const QUERY = 'Q'
const PARSE = 'P'

/**
 * A way to a PostgreSQL on which each statement is shown to `isFatal` before the server sees it. The one it
 * says yes to never arrives, and every connection ends for good, as when a process is killed at that statement.
 */
export async function statementProxy(target: string, isFatal: (sql: string) => boolean) {
  const { port: targetPort } = new URL(target)
  const sockets = new Set<Socket>()
  let isCut = false
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(Number(targetPort), '127.0.0.1')
    const statementsIn = reader()
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    far.pipe(near)
    near.on('data', (chunk: Buffer) => {
      if (isCut) return
      if (statementsIn(chunk).some(isFatal)) cut()
      else far.write(chunk)
    })
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: Object.assign(new URL(target), { port: String(port) }).href,
    hasCut: () => isCut,
    [Symbol.asyncDispose]: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Returns a function that takes what a client sends and returns the statements that are complete by then. */
function reader(): (chunk: Buffer) => string[] {
  let pending = Buffer.alloc(0)
  let hasStarted = false
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    const statements: string[] = []
    for (;;) {
      const typeBytes = hasStarted ? 1 : 0
      if (pending.length < typeBytes + 4) return statements
      const end = typeBytes + pending.readInt32BE(typeBytes)
      if (pending.length < end) return statements
      const message = pending.subarray(0, end)
      pending = pending.subarray(end)
      if (hasStarted) statements.push(...statementOf(message))
      else hasStarted = message.readInt32BE(4) !== SSL_REQUEST
    }
  }
}

function statementOf(message: Buffer): string[] {
  const type = String.fromCharCode(message[0] ?? 0)
  const [first = '', second = ''] = message.subarray(5).toString('utf8').split('\0')
  if (type === QUERY) return [first]
  // The first is the name of the prepared statement.
  return type === PARSE ? [second] : []
}
