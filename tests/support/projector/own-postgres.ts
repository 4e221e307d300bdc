import { join } from 'node:path'
import { migrate } from '#postgres'
import { startPostgres } from '../../../embedded/dependencies/postgres.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { eventually } from '../eventually.ts'
import { tempFolder } from '../temp-folder.ts'

/** A PostgreSQL of a test's own, which it may stop and start. */
export async function ownPostgres() {
  const folder = await tempFolder('storewright-postgres-')
  const dataDir = folder.path
  const port = await freePort()
  const start = () => startPostgres({ dataDir, port, logFile: join(dataDir, 'postgres.log') })
  let server = await start()
  await migrate(server.url)
  return {
    url: server.url,
    /** kill -9 of the server, which then recovers from its log. */
    crash: async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
    },
    /** SIGTERM: the server takes no new clients and ends when the present ones have left. Resolves then. */
    shutDown: async () => {
      process.kill(server.pid, 'SIGTERM')
      await server.exited
    },
    restart: async () => {
      // The dead server's children take a moment to notice.
      server = await eventually(start)
    },
    async [Symbol.asyncDispose]() {
      await server.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}
