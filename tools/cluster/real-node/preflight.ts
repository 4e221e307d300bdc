import { access, constants, readFile } from 'node:fs/promises'
import { onPath } from '../../../embedded/setup/run.js'
import { notYetMade } from './programs.ts'
import { takenAddresses } from './sandbox/network.ts'
import { run } from './sandbox/run.ts'

const controllers = ['cpu', 'cpuset', 'memory', 'pids']
const TRIAL_TIMEOUT_MS = 10_000

/** What this host lacks to run real pods, in words; empty when they can run here. */
export async function whatIsMissing(): Promise<string[]> {
  if (process.platform !== 'linux') return [`Linux (this is ${process.platform})`]
  const wanted = [
    ...(await programsMissing()),
    ...(await kernelMissing()),
    ...(await takenAddresses()).map((taken) => `addresses that are free here: ${taken}`),
  ]
  if (process.getuid?.() !== 0) return ['root', ...wanted]
  return wanted.length > 0 ? wanted : namespacesMissing()
}

async function programsMissing(): Promise<string[]> {
  const { built, packages } = notYetMade(process.env)
  const needed = [
    ...['ip', 'mount', 'nsenter', 'sysctl', 'tar', 'unshare'].map((name) => ({ name, for: '' })),
    ...(packages
      ? ['apt-get', 'dpkg-deb'].map((name) => ({ name, for: ' (to fetch containerd)' }))
      : []),
    ...(built.length > 0 ? [{ name: 'go', for: ` (to build ${built.join(', ')})` }] : []),
  ]
  const found = await Promise.all(
    needed.map(async (each) => ({ ...each, paths: await onPath(each.name) })),
  )
  const missing = found
    .filter(({ paths }) => paths.length === 0)
    .map((each) => `the program ${each.name}${each.for}`)
  const help = await run(['nsenter', '--help']).catch(() => '--wdns')
  return help.includes('--wdns') ? missing : [...missing, 'util-linux 2.38 or newer']
}

async function kernelMissing(): Promise<string[]> {
  const missing: string[] = []
  const fileSystems = await readFile('/proc/filesystems', 'utf8')
  if (!/\toverlay$/m.test(fileSystems)) missing.push('the file system overlay in the kernel')
  const enabled = await controllersThere()
  const absent = controllers.filter((name) => !enabled.has(name))
  if (absent.length > 0) missing.push(`cgroup controllers ${absent.join(', ')}`)
  const hasKmsg = await access('/dev/kmsg', constants.R_OK).then(
    () => true,
    () => false,
  )
  if (!hasKmsg) missing.push('/dev/kmsg')
  return missing
}

/** The mounted controllers of cgroups version 1, and those at the root of version 2. */
async function controllersThere(): Promise<Set<string>> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const first = mounts
    .filter((line) => line.includes(' - cgroup '))
    .flatMap((line) => line.split(' ').at(-1)?.split(',') ?? [])
  const second = mounts
    .filter((line) => line.includes(' - cgroup2 '))
    .map(async (line) => readFile(`${line.split(' ')[4]}/cgroup.controllers`, 'utf8'))
  const names = (await Promise.all(second)).flatMap((text) => text.trim().split(' '))
  return new Set([...first, ...names])
}

/** Rights and kernel features that only an attempt can show. */
async function namespacesMissing(): Promise<string[]> {
  const trial = ['ip', 'link', 'add', 'trial0', 'type', 'veth', 'peer', 'name', 'trial1']
  const namespaces = ['unshare', '--mount', '--net', '--pid', '--fork', '--mount-proc']
  try {
    await run([...namespaces, ...trial], { timeoutMs: TRIAL_TIMEOUT_MS })
    return []
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n').slice(1).join(' ') : ''
    return [
      `the right to make namespaces and network devices (CAP_SYS_ADMIN, CAP_NET_ADMIN): ${said}`,
    ]
  }
}
