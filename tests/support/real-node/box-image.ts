import { chmod, copyFile, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ownedByRoot, packArchive, packLayer } from '../../../tools/cluster/images/archive.ts'
import { debianPrograms } from '../../../tools/cluster/real-node/debian.ts'

export const BOX = 'storewright.invalid/box:1'

/** Packs an image with a shell, a web server and a client, all of them busybox; returns the archive's path. */
export async function packBox(folder: string): Promise<string> {
  const { busybox } = await debianPrograms(process.env)
  const root = join(folder, 'box')
  await mkdir(join(root, 'bin'), { recursive: true })
  await copyFile(busybox, join(root, 'bin', 'busybox'))
  await chmod(join(root, 'bin', 'busybox'), 0o755)
  for (const name of ['cat', 'httpd', 'id', 'mkdir', 'sh', 'sleep', 'timeout', 'wget'])
    await symlink('busybox', join(root, 'bin', name))
  const files = [...ownedByRoot, `--directory=${root}`, '.']
  const layer = await packLayer(join(folder, 'box-layer.tar'), files)
  const config = { Env: ['PATH=/bin'], Cmd: ['sleep', '3600'] }
  return packArchive(join(folder, 'box.tar'), { reference: BOX, config, layers: [layer] })
}
