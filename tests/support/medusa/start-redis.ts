import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { startProcess, untilReady } from '../../../embedded/processes/start-process.ts'
import { redisStub } from './redis-stub.ts'

/** A real Redis where `redis-server` is on PATH; else one that says OK to everything, and a word that says so. */
export async function startRedis(folder: string) {
  const { failed } = await execa('redis-server', ['--version'], { reject: false, timeout: 5_000 })
  if (failed) {
    process.stdout.write('redis-server is not on PATH: Medusa keeps in memory what it would hold\n')
    return { ...(await redisStub()), inMemory: true }
  }
  const port = await freePort()
  const logFile = join(folder, 'redis.log')
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  const server = await startProcess({ command: 'redis-server', args, logFile })
  const probe = async () => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 })
    await once(socket, 'connect').finally(() => socket.destroy())
  }
  await untilReady(server, { name: 'Redis', logFile, timeoutMs: 20_000, probe })
  return {
    url: `redis://127.0.0.1:${port}`,
    inMemory: false,
    [Symbol.asyncDispose]: server.stop,
  }
}
