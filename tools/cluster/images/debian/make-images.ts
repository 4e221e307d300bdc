import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { say, withProgress } from '../../../../embedded/setup/output.js'
import { packArchive, packLayer } from '../archive.ts'
import type { StoreImages } from '../paths.ts'
import { postgres, redis } from '../recipes.ts'
import { forgetMachine, makeBase } from './base.ts'
import { runInNamespace } from './isolate.ts'

const PART = 'images'
const LAYER_LIMIT_MS = 20 * 60_000
const layers = [
  { part: 'database', name: 'postgres', recipe: postgres },
  { part: 'cache', name: 'redis', recipe: redis },
] as const

/** Makes the images of packages, and last the layer below them, from nothing in the folder `making`. */
export async function makeDebianImages(
  making: string,
  { base, images }: { base: string; images: StoreImages },
): Promise<void> {
  await withProgress(PART, 'fetching a small Debian', () => makeBase(making))
  for (const { name } of layers)
    await withProgress(PART, `installing ${name}`, () => addLayer(making, name))
  await forgetMachine(making)
  const below = await withProgress(PART, 'packing the base', () => packFolder(making, 'base'))
  for (const { part, name, recipe } of layers) {
    const { reference, archive } = images[part]
    await withProgress(PART, `packing ${name}`, async () => {
      const image = { reference, config: recipe.config }
      const file = join(making, `${name}-image.tar`)
      await packArchive(file, { ...image, layers: [below, await packFolder(making, name)] })
      await rename(file, archive)
    })
    say(PART, `${reference} made`)
  }
  await rename(below, base)
}

function addLayer(folder: string, name: string): Promise<void> {
  const program = join(import.meta.dirname, 'layer.ts')
  const args = [program, name, folder]
  const timeoutMs = LAYER_LIMIT_MS
  return runInNamespace({ command: process.execPath, args, folder, name, timeoutMs })
}

function packFolder(making: string, name: string): Promise<string> {
  return packLayer(join(making, `${name}.tar`), ['--directory', join(making, name), '.'])
}
