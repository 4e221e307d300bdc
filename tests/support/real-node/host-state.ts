import { existsSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { identityOf } from '../../../tools/cluster/owner.ts'
import { addresses, veth, CGROUP } from '../../../tools/cluster/real-node/sandbox/network.ts'
import { debianPrograms } from '../../../tools/cluster/real-node/debian.ts'
import { run } from '../../../tools/cluster/real-node/sandbox/run.ts'

const settings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]
/** Where a node's programs write unless they are told otherwise, and where a claim on the host lies. */
const places = [
  '/run/storewright-node',
  '/run/cni/pods',
  '/run/containerd/io.containerd.runtime.v2.task/k8s.io',
  '/var/lib/cni/pods',
  '/var/lib/containerd/io.containerd.runtime.v2.task/k8s.io',
  '/var/lib/kubelet',
  '/var/log/pods',
]
/** Over these a sandbox mounts its own, for itself. */
const covered = /^(\/run|\/var\/log|\/proc\/sys\/.*)$/
const { host, services, pods } = addresses
const networks = [host, services, pods].map((address) => address.split('.').slice(0, 2).join('.'))
const ofVeth = (line: string) =>
  [veth.host, ...networks.map((network) => ` ${network}.`)].some((name) => line.includes(name))

/**
 * All a node of the cluster in `folder` has, or could have left, on this host. What others have there comes and
 * goes: the networks, mounts and cgroups of a container engine are not looked at.
 */
export async function hostState(folder: string): Promise<Record<string, string>> {
  const { nft, env } = await debianPrograms(process.env)
  const ip = async (...args: string[]) => ofNode(await run(['ip', '-o', ...args]))
  const ofNode = (text: string) => lines(text, ofVeth)
  const values = settings.map(async (name) => `${name} ${await read(`/proc/sys/${name}`)}`)
  const mounts = await read('/proc/self/mountinfo')
  const tables = await run([nft, 'list', 'tables'], { env })
  const hierarchies = await entriesOf('/sys/fs/cgroup')
  const cgroups = await Promise.all(hierarchies.map((path) => entriesOf(path)))
  return {
    mounts: lines(
      mounts,
      (line) => line.includes(folder) || covered.test(line.split(' ')[4] ?? ''),
    ),
    links: await ip('link', 'show'),
    addresses: await ip('address', 'show'),
    routes: await ip('route', 'show', 'table', 'all'),
    tables: lines(tables, (line) => /storewright|kube-proxy/.test(line)),
    cgroups: [...hierarchies, ...cgroups.flat()]
      .filter((path) => [CGROUP, 'kubepods'].includes(basename(path)))
      .join(),
    settings: (await Promise.all(values)).join(''),
    places: places.filter((path) => existsSync(path)).join(),
  }
}

/** Every process of the sandbox whose kubelet is told by files in `folder`. */
export async function processesIn(folder: string): Promise<string[]> {
  const kubelet = join(folder, 'node', 'kubelet.yaml')
  const all = await processes()
  const sandbox = all.find(({ line }) => line.includes(kubelet) && !line.startsWith('nsenter'))
  if (sandbox === undefined) throw new Error(`No kubelet runs with ${kubelet}`)
  return all.filter(({ mounts }) => mounts === sandbox.mounts).map(({ identity }) => identity)
}

/** Those of them that have not ended. */
export async function alive(identities: string[]): Promise<string[]> {
  const now = new Set((await processes()).map(({ identity }) => identity))
  return identities.filter((identity) => now.has(identity))
}

async function processes() {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return Promise.all(
    pids.map(async (pid) => ({
      identity: identityOf(Number(pid)),
      mounts: await readlink(`/proc/${pid}/ns/mnt`).catch(() => ''),
      line: await read(`/proc/${pid}/cmdline`),
    })),
  )
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

function lines(text: string, isKept: (line: string) => boolean): string {
  return text.split('\n').filter(isKept).join('\n')
}

async function entriesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.map((name) => join(folder, name))
}
