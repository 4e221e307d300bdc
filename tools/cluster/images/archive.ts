import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { execa } from 'execa'
import type { ImageConfig } from './recipes.ts'

const LIMIT_MS = 10 * 60_000

interface ImageParts {
  /** Repository and tag. */
  reference: string
  config: ImageConfig
  /** Tars, the lowest first; each is named differently. */
  layers: string[]
}

/** Packs an image in the form `docker save` has, which every container runtime can import. */
export async function packArchive(file: string, image: ImageParts): Promise<string> {
  const { reference, layers } = image
  const parts = await mkdtemp(join(dirname(file), 'parts-'))
  try {
    const names = layers.map((layer) => basename(layer))
    const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: names }]
    await writeFile(join(parts, 'manifest.json'), JSON.stringify(manifest))
    await writeFile(join(parts, 'config.json'), JSON.stringify(await configuration(image)))
    const where = layers.flatMap((layer) => ['--directory', dirname(layer), basename(layer)])
    const args = ['--directory', parts, 'manifest.json', 'config.json', ...where]
    await execa('tar', ['--create', '--file', file, ...args], { timeout: LIMIT_MS })
  } finally {
    await rm(parts, { recursive: true, force: true })
  }
  return file
}

async function configuration({ config, layers }: ImageParts) {
  const digests = await Promise.all(layers.map(digestOfFile))
  return {
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: layers.map((layer) => ({ created_by: basename(layer) })),
  }
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/** The same files give the same layer: order, times and owners' names are not left to chance. */
const steady = ['--numeric-owner', '--sort=name', '--mtime=@0', '--format=gnu']

/** For files that belong to the user who made them here. */
export const ownedByRoot = ['--owner=0', '--group=0']

/** Packs a layer as a tar; `args` says which files, after tar's own options. */
export async function packLayer(file: string, args: string[]): Promise<string> {
  await execa('tar', ['--create', '--file', file, ...steady, ...args], { timeout: LIMIT_MS })
  return file
}
