import { migrate } from '#postgres'
import { startPostgres } from '../../../embedded/parts/postgres.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { tempFolder } from '../temp-folder.ts'

/** A PostgreSQL of a test's own, which it may stop and start. */
export async function ownPostgres() {
  const folder = await tempFolder('storewright-postgres-')
  const port = await freePort()
  const start = () => startPostgres({ dataDir: folder.path, port })
  let server = await start()
  await migrate(server.url)
  return {
    url: server.url,
    /** kill -9 of the server, which then recovers from its log. */
    crash: async () => {
      process.kill(server.pid, 'SIGKILL')
      await server.exited
    },
    restart: async () => {
      server = await start()
    },
    async [Symbol.asyncDispose]() {
      await server.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}
