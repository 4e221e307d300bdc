import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { type PackageLayer, postgres, redis } from '../recipes.ts'
import { markRemoved, removedFrom } from './whiteouts.ts'

const APT_LIMIT_MS = 15 * 60_000
const SHORT_LIMIT_MS = 30_000
const recipes = { postgres, redis }
const refuseToStart = '#!/bin/sh\nexit 101\n'
const superfluous = ['usr/share/doc', 'usr/share/man', 'usr/share/locale', 'usr/share/info']
const leftByApt = ['var/lib/apt/lists', 'var/cache/apt', 'var/cache/ldconfig', 'var/log']

/**
 * `node layer.ts postgres|redis <folder>`, in a mount namespace of its own: installs the recipe's
 * packages over `<folder>/base`; what that changed is `<folder>/<name>` afterwards.
 */
const [layerName = '', folder = ''] = process.argv.slice(2)
if (layerName !== 'postgres' && layerName !== 'redis')
  throw new Error(`There is no recipe ${layerName}`)
await addLayer(layerName, recipes[layerName])

async function addLayer(layer: string, recipe: PackageLayer): Promise<void> {
  const lower = join(folder, 'base')
  const upper = join(folder, layer)
  const work = join(folder, `${layer}.work`)
  const root = join(folder, `${layer}.root`)
  for (const path of [upper, work, root]) await mkdir(path)
  const plain = 'redirect_dir=off,metacopy=off,index=off'
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work},${plain}`
  await mount('overlay', root, ['--options', layers])
  await mount('proc', join(root, 'proc'))
  await install(root, recipe)
  await clean(root, recipe)
  const removed = await removedFrom({ lower, upper, root })
  for (const place of [join(root, 'proc'), root])
    await execa('umount', [place], { timeout: SHORT_LIMIT_MS })
  for (const path of removed) await markRemoved(join(upper, path))
}

async function install(root: string, recipe: PackageLayer): Promise<void> {
  const { user, packages } = recipe
  const inside = async (command: string, ...args: string[]): Promise<void> => {
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      DEBIAN_FRONTEND: 'noninteractive',
      ...proxies(),
    }
    const options = { env, extendEnv: false, stdio: ['ignore', 'inherit', 'inherit'] } as const
    await execa('chroot', [root, command, ...args], { ...options, timeout: APT_LIMIT_MS })
  }
  const id = String(user.id)
  await writeFile(join(root, 'usr/sbin/policy-rc.d'), refuseToStart, { mode: 0o755 })
  await inside('groupadd', '--system', '--gid', id, user.name)
  const account = ['--uid', id, '--gid', id, '--home-dir', user.home, '--shell', '/bin/bash']
  await inside('useradd', '--system', ...account, user.name)
  await inside('apt-get', 'update')
  await inside('apt-get', 'install', '--yes', '--no-install-recommends', ...packages)
  for (const path of recipe.remove) await rm(join(root, path), { recursive: true, force: true })
  const owner = ['--owner', id, '--group', id]
  for (const path of recipe.folders) await inside('install', '--directory', ...owner, path)
  for (const [path, file] of Object.entries(recipe.files)) await cp(file, join(root, path))
}

async function clean(root: string, { remove }: PackageLayer): Promise<void> {
  await rm(join(root, 'usr/sbin/policy-rc.d'))
  for (const path of [...superfluous, ...remove])
    await rm(join(root, path), { recursive: true, force: true })
  for (const path of leftByApt) await empty(join(root, path))
}

async function empty(place: string): Promise<void> {
  for (const name of await readdir(place)) await rm(join(place, name), { recursive: true })
}

async function mount(type: string, place: string, more: string[] = []): Promise<void> {
  await execa('mount', ['--types', type, ...more, type, place], { timeout: SHORT_LIMIT_MS })
}

/** Where the way to the archive leads over a proxy, apt has to be told. */
function proxies(): NodeJS.ProcessEnv {
  const names = ['http_proxy', 'https_proxy', 'no_proxy']
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}
