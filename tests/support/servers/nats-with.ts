import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type TlsOptions } from 'nats'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'
import { toolPath } from '../../../embedded/tools.ts'
import { tempFolder } from '../temp-folder.ts'

interface NatsWithOptions {
  port?: number
  /** `user:password` of an account of the configuration. */
  user?: string | undefined
  /** What a client needs where the configuration has TLS. */
  tls?: TlsOptions
}

/** A real nats-server with a configuration of the test's own, gone at the end of the test. */
export async function natsWith(configuration: string, options: NatsWithOptions = {}) {
  const folder = await tempFolder('storewright-nats-')
  const { port = await freePort(), user, tls } = options
  const [config, logFile] = [join(folder.path, 'nats.conf'), join(folder.path, 'nats.log')]
  await writeFile(config, configuration)
  const listen = ['--addr', '127.0.0.1', '--port', `${port}`]
  const args = ['--config', config, ...listen, '--store_dir', folder.path]
  const server = await startProcess({ command: toolPath('nats-server'), args, logFile })
  const [name, pass] = user?.split(':') ?? []
  const probe = async () => {
    const credentials = name !== undefined && pass !== undefined && { user: name, pass }
    const servers = `localhost:${port}`
    const connection = await connect({ servers, ...credentials, ...(tls && { tls }) })
    await connection.close()
  }
  await untilReady(server, { name: 'nats-server', logFile, timeoutMs: 20_000, probe })
  return {
    url: `nats://${user === undefined ? '' : `${user}@`}127.0.0.1:${port}`,
    port,
    stop: server.stop,
    async [Symbol.asyncDispose]() {
      await server.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}
