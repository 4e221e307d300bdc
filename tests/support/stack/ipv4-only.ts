import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { tempFolder } from '../temp-folder.ts'

const trial = 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'

/** Why IPv6 cannot be switched off here for one test; undefined where it can. */
export async function noIpv4Only(): Promise<string | undefined> {
  const { failed } = await execa('unshare', ['--net', 'sh', '-c', trial], { reject: false })
  return failed ? 'only root on Linux gets a network without IPv6 for one test' : undefined
}

/** Reaches, inside, what listens on the port, for each who connects to the socket. */
const bridge = `
  const { connect, createServer } = require('node:net')
  const [socket, port] = process.argv.slice(1)
  createServer((near) => {
    const far = connect(Number(port), '127.0.0.1')
    for (const [from, to] of [[near, far], [far, near]]) {
      from.pipe(to)
      from.on('error', () => to.destroy())
    }
  }).listen(socket, () => console.log('listening'))`

/** A network of its own that knows no IPv6; what listens there on this port is reached from here on the same port. */
export async function ipv4Only(port: number) {
  const folder = await tempFolder('storewright-ipv4-')
  const socket = join(folder.path, 'bridge')
  const script = `set -e
    for each in all default lo; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done
    ip link set lo up
    exec "$0" -e "$1" "$2" "$3"`
  const args = ['--net', 'sh', '-c', script, process.execPath, bridge, socket, `${port}`]
  const holder = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(holder, 'exit')
  await once(holder.stdout, 'data')
  const front = createServer((near) => {
    const far = connect(socket)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
    }
  })
  front.listen(port, '127.0.0.1')
  await once(front, 'listening')
  return {
    /** What starts a command there. */
    by: ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'],
    async [Symbol.asyncDispose]() {
      front.close()
      holder.kill('SIGKILL')
      await exited
      await folder[Symbol.asyncDispose]()
    },
  }
}
