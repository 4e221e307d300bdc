import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withLock } from '../../../embedded/setup/lock.js'
import { makeDebianImages } from './debian/make-images.ts'
import { makeMedusaImage } from './medusa/make-image.ts'
import { imagePlaces, type StoreImages } from './paths.ts'
import { refuseWithout } from './preflight.ts'

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
