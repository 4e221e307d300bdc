import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../machine/run.ts'

interface ImageOptions {
  reference: string
  /** Its files are the image's only layer. */
  root: string
  config: { Entrypoint: string[]; User?: string }
  /** The archive's path. */
  file: string
}

const architectures = { arm64: 'arm64', x64: 'amd64' } as const

/** Packs a folder as an image in the form `docker save` has. */
export async function dockerArchive({
  reference,
  root,
  config,
  file,
}: ImageOptions): Promise<void> {
  const making = `${file}.making`
  await rm(making, { recursive: true, force: true })
  await mkdir(making, { recursive: true })
  const layer = join(making, 'layer.tar')
  const owner = ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '--mtime=@0']
  await run(['tar', ...owner, '-C', root, '-cf', layer, '.'])
  const digest = createHash('sha256')
    .update(await readFile(layer))
    .digest('hex')
  const image = {
    architecture: process.arch === 'arm64' ? architectures.arm64 : architectures.x64,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  await writeFile(join(making, 'config.json'), JSON.stringify(image))
  const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }]
  await writeFile(join(making, 'manifest.json'), JSON.stringify(manifest))
  const whole = join(making, 'image.tar')
  await run(['tar', '-C', making, '-cf', whole, 'manifest.json', 'config.json', 'layer.tar'])
  await rename(whole, file)
  await rm(making, { recursive: true })
}
