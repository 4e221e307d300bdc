import { existsSync } from 'node:fs'
import { access, constants, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { withLock } from '../../../embedded/setup/lock.js'
import { makeDebianImages } from './debian/make-images.ts'
import { makeMedusaImage } from './medusa-image.ts'
import { imagePlaces, type StoreImages } from './paths.ts'
import { debian } from './recipes.ts'

const MAKING = 'making-'

/**
 * The images of a Medusa store as archives in the user's cache, made when they are missing without any
 * registry of images: minutes, once, with progress on stdout. Throws naming all that is missing for it.
 */
export async function storeImages(env: NodeJS.ProcessEnv): Promise<StoreImages> {
  const { folder, images } = await imagePlaces(env)
  if (Object.values(images).every(({ archive }) => existsSync(archive))) return images
  await refuseWithout()
  await mkdir(folder, { recursive: true })
  await withLock(join(folder, 'lock'), 'images', () => makeMissing({ folder, images, env }))
  return images
}

interface Missing {
  folder: string
  images: StoreImages
  env: NodeJS.ProcessEnv
}

/** What is in its place is whole: it got there by a rename. */
async function makeMissing({ folder, images, env }: Missing): Promise<void> {
  for (const left of await readdir(folder))
    if (left.startsWith(MAKING)) await rm(join(folder, left), { recursive: true })
  const making = await mkdtemp(join(folder, MAKING))
  const base = join(folder, 'base.tar')
  try {
    if (!existsSync(base)) await makeDebianImages(making, { base, images })
    if (!existsSync(images.server.archive)) await makeMedusaImage(making, { base, images, env })
  } finally {
    await rm(making, { recursive: true, force: true })
  }
}

const programs = ['apt-get', 'dpkg-deb', 'unshare', 'mount', 'umount', 'chroot', 'tar', 'npm']

/** Names all that making the images needs and this machine has not; empty when they can be made. */
export async function whatImagesLack(): Promise<string[]> {
  if (process.platform !== 'linux') return ['Linux']
  const missing: string[] = []
  if (process.arch !== 'x64') missing.push('an x86-64 processor')
  if (process.getuid?.() !== 0) missing.push('root')
  for (const name of programs) if (!(await isOnPath(name))) missing.push(name)
  if (!(await isReadable(debian.keyring))) missing.push(debian.keyring)
  return missing
}

/** Throws naming all that is missing. */
async function refuseWithout(): Promise<void> {
  const missing = await whatImagesLack()
  if (missing.length > 0) throw new Error(`The images need ${missing.join(', ')}`)
}

async function isOnPath(name: string): Promise<boolean> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = await Promise.all(folders.map((folder) => can(join(folder, name), constants.X_OK)))
  return found.includes(true)
}

const isReadable = (path: string): Promise<boolean> => can(path, constants.R_OK)

function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}
