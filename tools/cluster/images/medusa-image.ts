import { createHash } from 'node:crypto'
import { chown, cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import { say, withProgress } from '../../../embedded/setup/output.js'
import { ownedByRoot, packArchive, packLayer } from './archive.ts'
import type { StoreImages } from './paths.ts'
import { medusaConfig, nodePackage } from './recipes.ts'
import { unpackMedusaApp } from './medusa-app.ts'

const PART = 'images'

/** Makes the image of the store's server over the base, from npm where nothing is in the cache yet. */
export async function makeMedusaImage(
  making: string,
  { base, images, env }: { base: string; images: StoreImages; env: NodeJS.ProcessEnv },
): Promise<void> {
  const app = join(making, 'medusa-app')
  await unpackMedusaApp(app, env)
  const { reference, archive } = images.server
  await withProgress(PART, 'packing medusa', async () => {
    const layers = [base, ...(await medusaLayers(app, making))]
    const file = join(making, 'medusa-image.tar')
    await packArchive(file, { reference, config: medusaConfig, layers })
    await rename(file, archive)
  })
  say(PART, `${reference} made`)
}

const FETCH_LIMIT_MS = 5 * 60_000
const NODE_USER = 1_000

/** The layers of the Medusa image above the base, as its Dockerfile makes them; `folder` is for what lies between. */
async function medusaLayers(app: string, folder: string): Promise<string[]> {
  return [
    await nodeLayer(folder),
    await packagesLayer(app, folder),
    await applicationLayer(app, folder),
  ]
}

async function nodeLayer(folder: string): Promise<string> {
  const fetched = join(folder, 'node')
  await mkdir(fetched)
  const args = ['pack', nodePackage.name, '--pack-destination', fetched]
  await execa('npm', args, { cwd: fetched, timeout: FETCH_LIMIT_MS, stdin: 'ignore' })
  const [packed = ''] = await readdir(fetched)
  const bytes = await readFile(join(fetched, packed))
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (integrity !== nodePackage.integrity)
    throw new Error(`${nodePackage.name} has the checksum ${integrity}`)
  const unpack = ['--extract', '--file', packed, 'package/bin/node']
  await execa('tar', unpack, { cwd: fetched, timeout: FETCH_LIMIT_MS })
  return packLayer(join(folder, 'node.tar'), [
    ...ownedByRoot,
    '--transform=s,^package,usr/local,',
    '--directory',
    fetched,
    'package/bin/node',
  ])
}

async function applicationLayer(app: string, folder: string): Promise<string> {
  const layer = join(folder, 'application')
  const isPackages = (path: string) => path === join(app, 'node_modules')
  await cp(app, join(layer, 'app'), { recursive: true, filter: (path) => !isPackages(path) })
  const uploads = join(layer, 'app', 'static')
  await mkdir(uploads, { recursive: true })
  await chown(uploads, NODE_USER, NODE_USER)
  return packLayer(join(folder, 'application.tar'), ['--directory', layer, '.'])
}

const lockFile = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })),
})

/** The packages of the application as a layer; what the build alone needs stays out, as with npm's --omit=dev. */
export async function packagesLayer(app: string, folder: string): Promise<string> {
  const { packages } = lockFile.parse(
    JSON.parse(await readFile(join(app, 'package-lock.json'), 'utf8')),
  )
  const forBuild = Object.keys(packages).filter((path) => packages[path]?.dev)
  const excluded = join(folder, 'for-build')
  await writeFile(excluded, `${forBuild.join('\n')}\n`)
  return packLayer(join(folder, 'packages.tar'), [
    ...ownedByRoot,
    '--anchored',
    '--no-wildcards',
    `--exclude-from=${excluded}`,
    // Targets of symbolic links stay as they are.
    '--transform=s,^,app/,S',
    '--directory',
    app,
    'node_modules',
  ])
}
