import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

const HEADER_BYTES = 4
const COM_QUERY = 3

/** Sees a statement before the database does; what it says "refused" never gets there. */
export type Gatekeeper = (statement: string) => 'passed' | 'refused'

/** The way to a MySQL server on this machine, past a gatekeeper who hears every statement of every client. */
export async function sqlGate(port: number, target: number) {
  let gatekeeper: Gatekeeper = () => 'passed'
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => (sockets.delete(one), other.destroy()))
    }
    far.pipe(near)
    const packets = packetReader()
    near.on('data', (chunk: Buffer) => {
      for (const packet of packets(chunk)) {
        const isStatement = packet[3] === 0 && packet[HEADER_BYTES] === COM_QUERY
        const statement = isStatement ? packet.toString('utf8', HEADER_BYTES + 1) : ''
        if (isStatement && gatekeeper(statement) === 'refused') return void near.destroy()
        far.write(packet)
      }
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    /** Puts somebody at the gate until the returned function is called. */
    post(other: Gatekeeper): () => void {
      gatekeeper = other
      return () => void (gatekeeper = () => 'passed')
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Cuts the stream of one client into the protocol's packets. */
function packetReader() {
  let rest = Buffer.alloc(0)
  return function* (chunk: Buffer): Generator<Buffer> {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + rest.readUIntLE(0, 3)
      if (rest.length < length) return
      const packet = rest.subarray(0, length)
      rest = rest.subarray(length)
      yield packet
    }
  }
}
