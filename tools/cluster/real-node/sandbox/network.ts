import { z } from 'zod'
import { run } from './run.ts'

const PATIENCE_MS = 10_000

/**
 * Connects the sandbox's network with the host by a veth pair. The host reaches Services and pods; the sandbox
 * reaches the host alone. The kernel removes all of it together with the sandbox.
 */
export async function connectVeth(pid: number, { inside }: { inside: string[] }): Promise<void> {
  const { host, node, prefix, services, pods } = addresses
  const ip = (...args: string[]) => run(['ip', ...args])
  const ipInside = (...args: string[]) => run([...inside, 'ip', ...args])
  const peer = ['peer', 'name', veth.node, 'netns', String(pid)]
  await ip('link', 'add', veth.host, 'type', 'veth', ...peer)
  await ip('address', 'add', `${host}/${prefix}`, 'dev', veth.host)
  await ip('link', 'set', veth.host, 'up')
  await ipInside('link', 'set', 'lo', 'up')
  await ipInside('address', 'add', `${node}/${prefix}`, 'dev', veth.node)
  await ipInside('link', 'set', veth.node, 'up')
  // kubelet and kube-proxy require a default route; nothing behind it answers.
  await ipInside('route', 'add', 'default', 'via', host)
  await ip('route', 'add', services, 'via', node)
  await ip('route', 'add', pods, 'via', node)
  await run([...inside, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'])
}

/** Removes the veth pair if it is still there. The kernel removes it some time after the sandbox has ended. */
export async function removeVeth(): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS
  while (await isThere()) {
    // The kernel may have removed it in the meantime.
    const problem = await run(['ip', 'link', 'delete', veth.host]).catch((error: unknown) => error)
    if (problem instanceof Error && Date.now() > giveUpAt) throw problem
  }
}

async function isThere(): Promise<boolean> {
  return (await run(['ip', '-o', 'link', 'show'])).includes(` ${veth.host}@`)
}

/** Addresses of the sandbox; no other network of this host may use them. */
export const addresses = {
  /** The host's end of the veth pair. */
  host: '10.250.0.2',
  node: '10.250.0.1',
  /** Length of the prefix both ends share. */
  prefix: 30,
  services: '10.251.0.0/16',
  pods: '10.252.0.0/16',
} as const

/** The veth pair: the name of its end on the host, and of its end in the sandbox. */
export const veth = { host: 'storewright0', node: 'host0' } as const

/** The node's name in the cluster. */
export const NODE = 'sandbox'

/** Below the root of each cgroup hierarchy: everything a pod uses is counted here. */
export const CGROUP = 'storewright'

const table = z.array(z.object({ dst: z.string(), dev: z.string().default('?') }))

/** Networks of this host that overlap with the sandbox's, in words. */
export async function takenAddresses(): Promise<string[]> {
  const routes = ['ip', '-4', '-json', 'route', 'show', 'table', 'all']
  const text = await run(routes).catch(() => '')
  return takenBy(table.parse(JSON.parse(text || '[]')))
}

/** The same for the given routes. A wider network, such as 10.0.0.0/8, keeps working outside our range. */
export function takenBy(routes: z.output<typeof table>): string[] {
  const { host, prefix, services, pods } = addresses
  const wanted = [`${host}/${prefix}`, services, pods].map(rangeOf)
  return routes
    .filter(({ dst, dev }) => dst !== 'default' && dev !== veth.host)
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
