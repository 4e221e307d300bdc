import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { identityOf } from '../../../tools/cluster/commands/owner.ts'
import { debianPrograms } from '../../../tools/cluster/real-node/debian.ts'
import { run } from '../../../tools/cluster/real-node/sandbox/run.ts'

const settings = [
  'net/ipv4/ip_forward',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

/** Everything of this host that a node could leave something in. */
export async function hostState(): Promise<Record<string, string>> {
  const { nft, env } = await debianPrograms(process.env)
  const ip = (...args: string[]) => run(['ip', '-o', ...args])
  const values = settings.map(async (name) => `${name} ${await read(`/proc/sys/${name}`)}`)
  return {
    mounts: await read('/proc/self/mountinfo'),
    links: await ip('link', 'show'),
    addresses: await ip('address', 'show'),
    routes: await ip('route', 'show', 'table', 'all'),
    networks: (await readdir('/run/netns').catch(() => [])).join(),
    tables: await run([nft, 'list', 'ruleset'], { env }),
    cgroups: (await readdir('/sys/fs/cgroup', { recursive: true }))
      .filter((path) => path.includes('storewright') || path.includes('kubepods'))
      .join(),
    settings: (await Promise.all(values)).join(''),
    root: (await readdir('/')).join(),
    folders: [
      ...(await readdir('/run')),
      ...(await readdir('/var/log')),
      ...(await readdir('/var/lib')),
    ]
      .filter((name) => /storewright-node|containerd|containers|pods|kubelet|cni/.test(name))
      .join(),
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
