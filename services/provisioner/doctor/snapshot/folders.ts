import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '#domain'
import { observeFolder, RECORD, whileUnchanged } from '../../drivers/render/release-folder.ts'
import { type FoundRelease, isReleaseName } from './snapshot.ts'

const owned = z.object({ labels: z.object({ 'cp.store': z.string() }) })

/** The releases that lie in a folder, driver render. Throws CONFIG_INVALID when it cannot be read. */
export async function findFolders(releasesDir: string): Promise<FoundRelease[]> {
  const names = await readdir(releasesDir).catch((cause: unknown) => {
    const message = `RELEASES_DIR cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new AppError('CONFIG_INVALID', message, { cause })
  })
  const found: FoundRelease[] = []
  for (const name of names.toSorted()) {
    const release = await findFolder(releasesDir, name)
    if (release !== undefined) found.push(release)
  }
  return found
}

async function findFolder(releasesDir: string, name: string): Promise<FoundRelease | undefined> {
  const folder = join(releasesDir, name)
  const found = await whileUnchanged(folder, async () => {
    const store = await ownerOf(folder)
    return { store, observed: await observeFolder(folder, store ?? '') }
  })
  if (found === undefined || (found.store === undefined && !isReleaseName(name))) return undefined
  const { store, observed } = found
  return observed.status === 'absent' ? undefined : { location: name, name, store, observed }
}

async function ownerOf(folder: string): Promise<string | undefined> {
  try {
    return owned.parse(JSON.parse(await readFile(join(folder, RECORD), 'utf8'))).labels['cp.store']
  } catch {
    return undefined
  }
}
