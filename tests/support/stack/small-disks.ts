import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

const FILLING = 'filling'

/** Why small disks cannot be made here; undefined where they can. */
export const noSmallDisks =
  process.platform === 'linux' && process.getuid?.() === 0
    ? undefined
    : 'only root on Linux mounts file systems'

export type SmallDisks = Awaited<ReturnType<typeof smallDisks>>

/**
 * Small file systems at these folders, seen by `by` what is started alone: mounts of a namespace of their own, gone
 * with its last process.
 */
export async function smallDisks(megabytes: Record<string, number>) {
  const mounts: string[] = []
  for (const [folder, size] of Object.entries(megabytes)) {
    await mkdir(folder, { recursive: true })
    mounts.push(
      'mkdir',
      '-p',
      folder,
      ';',
      'mount',
      '-t',
      'tmpfs',
      '-o',
      `size=${size}m,mode=755`,
      'tmpfs',
      folder,
      ';',
    )
  }
  const script = `set -e; ${mounts.join(' ')} echo mounted; exec cat`
  const holder = spawn('unshare', ['--mount', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  const { pid = 0 } = holder
  const seen = (path: string) => `/proc/${pid}/root${path}`
  return {
    /** What starts a command there. */
    by: ['nsenter', `--mount=/proc/${pid}/ns/mnt`, `--wdns=${process.cwd()}`],
    /** Where a path of that namespace is found from here. */
    seen,
    /** Takes every byte that is left. */
    fill: (folder: string) => fill(seen(join(folder, FILLING))),
    free: (folder: string) => rmSync(seen(join(folder, FILLING))),
    /** Every process there, as pid and command line. */
    processes: () => processesLike(pid),
    [Symbol.asyncDispose]: () => end(holder),
  }
}

function fill(file: string): void {
  const descriptor = openSync(file, 'a')
  for (let bytes = 1_048_576; bytes >= 1; bytes = Math.floor(bytes / 4)) {
    const chunk = Buffer.alloc(bytes)
    try {
      for (;;) writeSync(descriptor, chunk)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }
  closeSync(descriptor)
}

function processesLike(holder: number): { pid: number; command: string }[] {
  const own = readlinkSync(`/proc/${holder}/ns/mnt`)
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === holder) return []
    try {
      if (readlinkSync(`/proc/${name}/ns/mnt`) !== own) return []
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      return command === '' ? [] : [{ pid: Number(name), command }]
    } catch {
      return []
    }
  })
}

async function end(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null) return
  holder.stdin?.end()
  await once(holder, 'exit')
}
