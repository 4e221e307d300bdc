import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../../../embedded/tools.ts'
import { digestOf } from './digest.ts'
import { medusaDigest } from './medusa-app.ts'

/** No such registry is or will be: an image that was not imported fails at once and is fetched from nowhere. */
const REGISTRY = 'storewright.invalid'
const debianInputs = [
  'recipes.ts',
  'archive.ts',
  'debian/base.ts',
  'debian/layer.ts',
  'debian/whiteouts.ts',
  'debian/postgres-entrypoint.sh',
]

export interface StoreImage {
  /** As a chart's value names it. */
  reference: string
  /** A file as `docker save` makes it. */
  archive: string
}

/** By the names the medusa chart has for them. */
export type StoreImages = Record<'server' | 'database' | 'cache', StoreImage>

/** Where the images are or will be: other inputs, other folder and other tags. */
export async function imagePlaces(env: NodeJS.ProcessEnv) {
  const debian = await digestOf(import.meta.dirname, debianInputs, process.arch)
  const layers = ['medusa-image.ts']
  const medusa = await digestOf(import.meta.dirname, layers, debian + (await medusaDigest()))
  const folder = join(cacheFolder(env), `images-${debian}`)
  const image = (name: string, tag: string): StoreImage => ({
    reference: `${REGISTRY}/${name}:${tag}`,
    archive: join(folder, `${name}-${tag}.tar`),
  })
  const images: StoreImages = {
    server: image('medusa', medusa),
    database: image('postgres', debian),
    cache: image('redis', debian),
  }
  return { folder, images }
}

/** Whether all images are made, so that a run needs no network for them. */
export async function imagesAreMade(env: NodeJS.ProcessEnv): Promise<boolean> {
  const { images } = await imagePlaces(env)
  return Object.values(images).every(({ archive }) => existsSync(archive))
}
