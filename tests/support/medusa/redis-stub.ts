import { once } from 'node:events'
import { createServer } from 'node:net'
import { freePort } from '../../../embedded/processes/free-port.ts'

/** Answers OK to everything, and keeps the words of each command: for set-up's own commands, where no Redis is. */
export async function redisStub() {
  const commands: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      // One write of a command is one packet on this machine.
      for (const command of chunk
        .toString('utf8')
        .split(/^\*\d+\r\n/m)
        .filter(Boolean)) {
        const words = command.split('\r\n').filter((line) => line !== '' && !/^\$\d+$/.test(line))
        commands.push(words.join(' '))
        socket.write('+OK\r\n')
      }
    })
  })
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `redis://127.0.0.1:${port}`,
    commands,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
