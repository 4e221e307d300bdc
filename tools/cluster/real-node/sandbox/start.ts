import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type RunningProcess,
  startProcess,
  untilReady,
} from '../../../../embedded/processes/start-process.ts'
import type { DebianPrograms } from '../debian.ts'
import { coverHost } from './mask-host.ts'
import { lay } from './network.ts'

const READY_TIMEOUT_MS = 10_000
const FOREVER_S = '2147483647'

export interface Machine {
  /** Of the process whose end is the machine's. */
  pid: number
  /** Put in front of a command: it runs on the machine's network and is else a process of the host. */
  onNetwork: string[]
  /** Put in front of a command: it sees the machine's processes, mounts and network, and ends with it. */
  inside: string[]
  /** The same, in a folder: else whoever enters stands in the root of the file system. */
  insideAt: (folder: string) => string[]
  exited: RunningProcess['exited']
  /** Ends every process in it; with the last of them its mounts and its network are gone. */
  stop: () => Promise<void>
}

/**
 * A machine in the machine: processes, mounts and network of its own, joined to the host by a cable.
 * What runs in it cannot outlive it, and it does not outlive this process: the kernel sees to that.
 */
export async function startMachine(folder: string, debian: DebianPrograms): Promise<Machine> {
  const logFile = join(folder, 'logs', 'machine.log')
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
      // The first process inherits every orphan of the pods, and has to bury it.
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
  const insideAt = (place: string) => [...into, `--wdns=${place}`, '--']
  // Its end waits for that of every other process in there.
  let hasEnded = false
  void holder.exited.then(() => (hasEnded = true))
  const stop = async () => {
    if (!hasEnded) process.kill(first, 'SIGKILL')
    await holder.exited
  }
  const machine = { ...holder, stop, onNetwork, inside, insideAt }
  try {
    await coverHost(machine, folder)
    await lay(first, machine)
    return machine
  } catch (error) {
    await stop()
    throw error
  }
}

/** The child of `unshare` once it is the machine's first process; its mounts are there by then. */
async function firstProcess(parent: number): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[1]) === parent && stat.includes('(tini')) return Number(entry)
  }
  throw new Error('The first process of the machine is not there yet')
}
