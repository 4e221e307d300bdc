import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'

/** Calls `hear` with the JSON of each request to a socket only this user gets at; answers when it is done. */
export async function listen(hear: (body: unknown) => Promise<void>) {
  // Not in the cluster's folder: its path may be longer than the system allows a socket's to be.
  const folder = await mkdtemp(join(tmpdir(), 'storewright-'))
  const socket = join(folder, 'policies')
  const server = createServer((request, response) => {
    json(request)
      .then(hear)
      .then(
        () => response.writeHead(204).end(),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  server.listen(socket)
  await once(server, 'listening')
  return {
    socket,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
