import { createHash } from 'node:crypto'
import { chown, cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { ownedByRoot, packLayer } from '../pack-layer.ts'
import { nodePackage } from '../recipes.ts'
import { packagesLayer } from './packages-layer.ts'

const FETCH_LIMIT_MS = 5 * 60_000
const NODE_USER = 1_000

/** The layers of the Medusa image above the base, as its Dockerfile makes them; `folder` is for what lies between. */
export async function medusaLayers(app: string, folder: string): Promise<string[]> {
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
