import { appendFile, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { debian } from '../recipes.ts'
import { runInNamespace } from './isolate.ts'

const FETCH_LIMIT_MS = 120_000
const BOOTSTRAP_LIMIT_MS = 20 * 60_000
const superfluous = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'etc/hostname',
]
const leftBehind = ['var/cache/apt', 'var/lib/apt/lists', 'var/log']

/** The smallest Debian in `<folder>/base`: the root every image stands on, its users included. */
export async function makeBase(folder: string): Promise<void> {
  const base = join(folder, 'base')
  const tool = await fetchDebootstrap(folder)
  const { suite, keyring } = debian
  const args = ['--variant=minbase', `--keyring=${keyring}`, suite, base]
  await runInNamespace({
    command: join(tool, 'usr', 'sbin', 'debootstrap'),
    args,
    env: { ...process.env, DEBOOTSTRAP_DIR: join(tool, 'usr', 'share', 'debootstrap') },
    folder,
    name: 'debootstrap',
    timeoutMs: BOOTSTRAP_LIMIT_MS,
  })
  await bootstrap(base)
  await clean(base)
}

/** Takes the way to the network out of the base again, once every layer on it is made. */
export async function forgetMachine(folder: string): Promise<void> {
  await truncate(join(folder, 'base', 'etc', 'resolv.conf'))
}

// Unpacked, not installed: the machine stays as it is.
async function fetchDebootstrap(folder: string): Promise<string> {
  const fetched = join(folder, 'debootstrap')
  await mkdir(fetched)
  const options = { cwd: fetched, timeout: FETCH_LIMIT_MS, stdin: 'ignore' } as const
  await execa('apt-get', ['download', 'debootstrap'], options)
  const [archive] = await readdir(fetched)
  if (archive === undefined) throw new Error('apt-get downloaded no debootstrap')
  await execa('dpkg-deb', ['--extract', archive, '.'], options)
  return fetched
}

async function bootstrap(base: string): Promise<void> {
  const { suite } = debian
  const etc = join(base, 'etc')
  const list = join(etc, 'apt', 'sources.list')
  // Debootstrap has left where it took the base from: what else of that release there is lies beside it.
  const [, archive] = /^deb (\S+) /m.exec(await readFile(list, 'utf8')) ?? []
  if (archive === undefined) throw new Error(`debootstrap names no archive in ${list}`)
  const sources = [
    `deb ${archive} ${suite} main`,
    `deb ${archive} ${suite}-updates main`,
    `deb ${archive.replace(/\/$/, '')}-security ${suite}-security main`,
  ]
  await writeFile(list, `${sources.join('\n')}\n`)
  await appendFile(join(etc, 'passwd'), 'node:x:1000:1000::/tmp:/usr/sbin/nologin\n')
  await appendFile(join(etc, 'group'), 'node:x:1000:\n')
}

async function clean(base: string): Promise<void> {
  for (const path of superfluous) await rm(join(base, path), { recursive: true, force: true })
  for (const path of leftBehind) {
    await rm(join(base, path), { recursive: true, force: true })
    await mkdir(join(base, path), { recursive: true })
  }
}
