import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { say, withProgress } from '../../../setup/output.js'
import type { StoreImages } from '../image-places.ts'
import { packArchive } from '../pack-archive.ts'
import { medusaConfig } from '../recipes.ts'
import { medusaApp } from './medusa-app.ts'
import { medusaLayers } from './medusa-layers.ts'

const PART = 'images'

/** Makes the image of the store's server over the base, from npm where nothing is in the cache yet. */
export async function makeMedusaImage(
  making: string,
  { base, images, env }: { base: string; images: StoreImages; env: NodeJS.ProcessEnv },
): Promise<void> {
  const app = await medusaApp(env)
  const { reference, archive } = images.server
  await withProgress(PART, 'packing medusa', async () => {
    const layers = [base, ...(await medusaLayers(app, making))]
    const file = join(making, 'medusa-image.tar')
    await packArchive(file, { reference, config: medusaConfig, layers })
    await rename(file, archive)
  })
  say(PART, `${reference} made`)
}
