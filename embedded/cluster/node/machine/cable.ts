import { addresses, cable } from './addresses.ts'
import { run } from './run.ts'

const PATIENCE_MS = 10_000

/**
 * Joins the host and the machine's network: Services and pods are reached from the host, and from
 * the machine the host alone. The kernel takes it all away with the machine.
 */
export async function lay(pid: number, { inside }: { inside: string[] }): Promise<void> {
  const { host, node, prefix, services, pods } = addresses
  const ip = (...args: string[]) => run(['ip', ...args])
  const ipInside = (...args: string[]) => run([...inside, 'ip', ...args])
  const peer = ['peer', 'name', cable.node, 'netns', String(pid)]
  await ip('link', 'add', cable.host, 'type', 'veth', ...peer)
  await ip('address', 'add', `${host}/${prefix}`, 'dev', cable.host)
  await ip('link', 'set', cable.host, 'up')
  await ipInside('link', 'set', 'lo', 'up')
  await ipInside('address', 'add', `${node}/${prefix}`, 'dev', cable.node)
  await ipInside('link', 'set', cable.node, 'up')
  // A kubelet and a kube-proxy want one; nothing behind it answers.
  await ipInside('route', 'add', 'default', 'via', host)
  await ip('route', 'add', services, 'via', node)
  await ip('route', 'add', pods, 'via', node)
  await run([...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
}

/** Takes the cable away, should it still be there; with the machine it goes in its own time. */
export async function cut(): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS
  while (await isThere()) {
    // By now the kernel may have done it.
    const problem = await run(['ip', 'link', 'delete', cable.host]).catch((error: unknown) => error)
    if (problem instanceof Error && Date.now() > giveUpAt) throw problem
  }
}

async function isThere(): Promise<boolean> {
  return (await run(['ip', '-o', 'link', 'show'])).includes(` ${cable.host}@`)
}
