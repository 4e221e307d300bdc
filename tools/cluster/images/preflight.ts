import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { debian } from './recipes.ts'

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
export async function refuseWithout(): Promise<void> {
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
