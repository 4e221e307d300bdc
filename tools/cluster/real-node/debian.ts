import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../../../embedded/tools.ts'
import { withLock } from '../../../embedded/setup/lock.js'
import { say, withProgress } from '../../../embedded/setup/output.js'
import { run } from './sandbox/run.ts'

const TIMEOUT_MS = 600_000
const packages = [
  'busybox-static',
  'containerd',
  'containernetworking-plugins',
  'nftables',
  'runc',
  'tini',
]

/** Programs of the distribution's packages, unpacked into the cache and not installed. */
export interface DebianPrograms {
  busybox: string
  tini: string
  containerd: string
  ctr: string
  nft: string
  runc: string
  /** The folder of the network plugins. */
  cni: string
  /** The environment in which they find their libraries and each other. */
  env: { PATH: string; LD_LIBRARY_PATH: string }
}

/** The folder in the user's cache: one per distribution and list of packages. */
function debianFolder(env: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256')
    .update(packages.join(' '))
    .update(readFileSync('/etc/os-release'))
  return join(cacheFolder(env), `node-packages-${hash.digest('hex').slice(0, 12)}`)
}

/** Whether the packages have been fetched already. */
export function hasDebianPrograms(env: NodeJS.ProcessEnv): boolean {
  return existsSync(debianFolder(env))
}

/** Fetches the packages once, verified by apt's signed lists, and unpacks them into the cache. */
export async function debianPrograms(env: NodeJS.ProcessEnv): Promise<DebianPrograms> {
  const folder = debianFolder(env)
  if (!existsSync(folder)) {
    await mkdir(join(folder, '..'), { recursive: true })
    await withLock(`${folder}.lock`, 'node', async () => {
      if (!existsSync(folder)) await fetchInto(folder)
    })
  }
  return programsIn(folder)
}

async function fetchInto(folder: string): Promise<void> {
  const text = `fetching ${packages.join(', ')} with apt, once`
  // The finished folder gets its name by one rename; folders that a killed run left are removed.
  for (const left of await readdir(join(folder, '..')))
    if (join(folder, '..', left).startsWith(`${folder}.making-`))
      await rm(join(folder, '..', left), { recursive: true })
  const making = await mkdtemp(`${folder}.making-`)
  try {
    await withProgress('node', text, () => fetchAll(making))
    await rename(join(making, 'root'), folder)
    say('node', `packages of this distribution, unpacked and not installed (${folder})`)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

async function fetchAll(making: string): Promise<void> {
  const [lists, archives] = [join(making, 'lists'), join(making, 'archives')]
  await mkdir(join(lists, 'partial'), { recursive: true })
  await mkdir(join(archives, 'partial'), { recursive: true })
  const settings = {
    'Dir::State::lists': lists,
    'Dir::Cache::archives': archives,
    // Nothing of the system is written, so nothing of it has to be locked.
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': 'root',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const apt = (...args: string[]) =>
    run(['apt-get', '-q', '-y', ...options, ...args], { timeoutMs: TIMEOUT_MS })
  await apt('update')
  const how = ['--no-install-recommends', '--reinstall', '--download-only']
  await apt(...how, 'install', ...packages)
  const root = join(making, 'root')
  await mkdir(root)
  for (const name of await readdir(archives))
    if (name.endsWith('.deb')) await run(['dpkg-deb', '-x', join(archives, name), root])
}

function programsIn(root: string): DebianPrograms {
  const at = (path: string) => join(root, path)
  const libraries = readdirSync(at('usr/lib'))
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => at(`usr/lib/${name}`))
  return {
    busybox: existsSync(at('bin/busybox')) ? at('bin/busybox') : at('usr/bin/busybox'),
    tini: at('usr/bin/tini-static'),
    containerd: at('usr/bin/containerd'),
    ctr: at('usr/bin/ctr'),
    nft: at('usr/sbin/nft'),
    runc: at('usr/sbin/runc'),
    cni: at('usr/lib/cni'),
    env: {
      PATH: `${at('usr/bin')}:${at('usr/sbin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
      LD_LIBRARY_PATH: libraries.join(':'),
    },
  }
}
