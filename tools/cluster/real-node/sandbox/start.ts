import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type RunningProcess,
  startProcess,
  untilReady,
} from '../../../../embedded/processes/start-process.ts'
import type { DebianPrograms } from '../debian.ts'
import { connectVeth } from './network.ts'
import { run } from './run.ts'

const READY_TIMEOUT_MS = 10_000
const FOREVER_S = '2147483647'

export interface Sandbox {
  /** The process that the sandbox ends with. */
  pid: number
  /** Command prefix: the command runs on the sandbox's network, otherwise as a process of the host. */
  onNetwork: string[]
  /** Command prefix: the command sees the sandbox's processes, mounts and network, and ends with it. */
  inside: string[]
  /** The same with a working folder; without one it is the root of the file system. */
  insideAt: (folder: string) => string[]
  exited: RunningProcess['exited']
  /** Ends every process in it; its mounts and its network go with the last one. */
  stop: () => Promise<void>
}

/**
 * Linux namespaces for processes, mounts and network, connected with the host by a veth pair. Nothing in
 * the sandbox outlives it, and the sandbox does not outlive this process: the kernel guarantees both.
 */
export async function startSandbox(folder: string, debian: DebianPrograms): Promise<Sandbox> {
  const logFile = join(folder, 'logs', 'sandbox.log')
  const holder = await startProcess({
    command: 'unshare',
    args: [
      '--mount',
      '--net',
      '--pid',
      '--fork',
      '--kill-child=SIGKILL',
      '--mount-proc',
      '--propagation=private',
      // The first process inherits the orphans of the pods and has to reap them.
      debian.tini,
      '--',
      debian.busybox,
      'sleep',
      FOREVER_S,
    ],
    logFile,
    stopSignal: 'SIGKILL',
  })
  let first = 0
  const probe = async () => {
    first = await firstProcess(holder.pid)
  }
  await untilReady(holder, { name: 'unshare', logFile, timeoutMs: READY_TIMEOUT_MS, probe })
  const onNetwork = ['nsenter', `--target=${first}`, '--net', '--']
  const into = ['nsenter', `--target=${first}`, '--net', '--mount', '--pid']
  const inside = [...into, '--']
  const insideAt = (path: string) => [...into, `--wdns=${path}`, '--']
  // Its end waits for the end of every other process in the sandbox.
  let hasEnded = false
  void holder.exited.then(() => (hasEnded = true))
  const stop = async () => {
    if (!hasEnded) process.kill(first, 'SIGKILL')
    await holder.exited
  }
  const sandbox = { ...holder, stop, onNetwork, inside, insideAt }
  try {
    await maskHost(sandbox, folder)
    await connectVeth(first, sandbox)
    return sandbox
  } catch (error) {
    await stop()
    throw error
  }
}

/** The child of `unshare` once it is the sandbox's first process; its mounts exist by then. */
async function firstProcess(parent: number): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[1]) === parent && stat.includes('(tini')) return Number(entry)
  }
  throw new Error('The first process of the sandbox is not there yet')
}

/** Kernel settings that a kubelet requires. They belong to the whole host, so files with these values mask them. */
const wanted = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
}

/** Mounts files of `folder`, or memory, over every path of the host that programs of a node write to. */
async function maskHost(sandbox: { inside: string[] }, folder: string): Promise<void> {
  const mount = (...args: string[]) => run([...sandbox.inside, 'mount', ...args])
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
  const log = join(folder, 'var-log')
  await mkdir(log, { recursive: true })
  await mount('--bind', log, '/var/log')
  const settings = join(folder, 'settings')
  await mkdir(settings, { recursive: true })
  for (const [name, value] of Object.entries(wanted)) {
    const file = join(settings, name.replaceAll('/', '.'))
    await writeFile(file, `${value}\n`)
    await mount('--bind', file, join('/proc/sys', name))
  }
}
