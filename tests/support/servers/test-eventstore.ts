import { join } from 'node:path'
import { startEventStore } from '../../../embedded/eventstore/start.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { freezeProcess } from '../freeze-process.ts'
import { tempFolder } from '../temp-folder.ts'

/** A real event store process on a free port, gone at the end of the test. */
export async function testEventStore() {
  const folder = await tempFolder('storewright-eventstore-')
  const dataDir = join(folder.path, 'data')
  const port = await freePort()
  let server = await startEventStore({ dataDir, port })
  const { url } = server
  const kill = async () => {
    process.kill(server.pid, 'SIGKILL')
    await server[Symbol.asyncDispose]()
  }
  return {
    /** The connection string for clients. */
    url,
    dataDir,
    get pid() {
      return server.pid
    },
    /** kill -9, and waits until it is gone. */
    kill,
    /** Starts it again on the same port and files. */
    restart: async () => {
      server = await startEventStore({ dataDir, port })
    },
    freeze: () => freezeProcess(server.pid),
    thaw: () => process.kill(server.pid, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
