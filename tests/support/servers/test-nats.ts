import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, type NatsConnection } from 'nats'
import { startNats } from '../../../embedded/dependencies/nats.ts'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { toolPath } from '../../../embedded/tools.ts'
import { eventually } from '../eventually.ts'
import { freezeProcess } from '../freeze-process.ts'
import { tempFolder } from '../temp-folder.ts'

/** A real nats-server with JetStream on a free port, gone at the end of the test. */
export async function testNats() {
  const folder = await tempFolder('storewright-nats-')
  const port = await freePort()
  const start = () =>
    startNats({
      executable: toolPath('nats-server'),
      dataDir: folder.path,
      logFile: join(folder.path, 'nats.log'),
      port,
    })
  let server = await start()
  const connection = await connect({
    servers: server.url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  })
  const kill = async () => {
    process.kill(server.pid, 'SIGKILL')
    await server.exited
  }
  return {
    connection,
    url: server.url,
    dataDir: folder.path,
    get pid() {
      return server.pid
    },
    /** kill -9, and waits until it is gone. */
    kill,
    /** Starts it again on the same port and files; `connection` is back when this returns. */
    restart: async () => {
      server = await start()
      await eventually(() => answers(connection))
    },
    freeze: () => freezeProcess(server.pid),
    thaw: () => process.kill(server.pid, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      await connection.close()
      await kill().catch(() => {})
      await folder[Symbol.asyncDispose]()
    },
  }
}

// What is sent while the connection is being lost is answered by nobody.
async function answers(connection: NatsConnection): Promise<void> {
  const late = wait(500, undefined, { ref: false }).then(() => {
    throw new Error('nats-server does not answer')
  })
  await Promise.race([connection.rtt(), late])
}
