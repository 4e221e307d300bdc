import { z } from 'zod'
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

/** Addresses of the machine that the node is; no other network of this host may use them. */
export const addresses = {
  /** The host's end of the cable to it. */
  host: '10.250.0.2',
  node: '10.250.0.1',
  /** Length of the prefix both ends share. */
  prefix: 30,
  services: '10.251.0.0/16',
  pods: '10.252.0.0/16',
} as const

/** The cable: its end on the host, and its end in the machine. */
export const cable = { host: 'storewright0', node: 'host0' } as const

/** What the node is called in the cluster. */
export const NODE = 'machine'

/** Below the root of each cgroup hierarchy: everything a pod uses is counted here. */
export const CGROUP = 'storewright'

const table = z.array(z.object({ dst: z.string(), dev: z.string().default('?') }))

/** Networks of this host that the machine's would hide or be hidden by, in words. */
export async function takenAddresses(): Promise<string[]> {
  const routes = ['ip', '-4', '-json', 'route', 'show', 'table', 'all']
  const text = await run(routes).catch(() => '')
  return takenBy(table.parse(JSON.parse(text || '[]')))
}

/** The same of the given routes. A wider network, as a company's 10.0.0.0/8, goes on everywhere but in ours. */
export function takenBy(routes: z.output<typeof table>): string[] {
  const { host, prefix, services, pods } = addresses
  const wanted = [`${host}/${prefix}`, services, pods].map(rangeOf)
  return routes
    .filter(({ dst, dev }) => dst !== 'default' && dev !== cable.host)
    .filter(({ dst }) => wanted.some((each) => isWithin(rangeOf(dst), each)))
    .map(({ dst, dev }) => `${dst} is a network of ${dev}`)
}

interface Range {
  first: number
  last: number
}

function rangeOf(cidr: string): Range {
  const [address = '', length = '32'] = cidr.split('/')
  const number = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  const size = 2 ** (32 - Number(length))
  const first = number - (number % size)
  return { first, last: first + size - 1 }
}

function isWithin(inner: Range, outer: Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last
}
