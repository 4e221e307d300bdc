import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#domain'

const FOLDER = '.staging'
const LEFT_OVER_AFTER_MS = 3_600_000

/**
 * The staging folder of a claim: a release's folder changes only by a rename out of it or into it. It is made
 * before the log is asked whether the claim is still current. A worker that takes the claim over moves it away
 * afterwards, so a worker frozen between the question and its rename, however long, finds nothing to rename:
 * either its change came first and is seen, or it never comes.
 * Throws CLAIM_LOST when that has happened.
 */
export async function withStaging<T>(
  { releasesDir, release, claimId }: { releasesDir: string; release: string; claimId: string },
  work: (staging: string) => Promise<T>,
): Promise<T> {
  const staging = join(releasesDir, FOLDER, `${release}.${claimId}`)
  await mkdir(staging, { mode: 0o700 })
  try {
    return await work(staging)
  } catch (error) {
    if (!isAbsence(error) || (await stat(staging).catch(() => undefined))) throw error
    throw new AppError('CLAIM_LOST', 'The attempt was fenced by a later claim', { cause: error })
  } finally {
    await clearAway(staging)
  }
}

/** Takes from every other claim on the release what it would need to change it. */
export async function fenceStaging(
  releasesDir: string,
  release: string,
  claimId: string,
): Promise<void> {
  const root = join(releasesDir, FOLDER)
  const others = (await readdir(root)).filter(
    (name) => name.startsWith(`${release}.`) && name !== `${release}.${claimId}`,
  )
  for (const name of others) await discard(root, name)
}

/** Makes the root of all staging folders, and clears away what dead workers have left there. */
export async function prepareStaging(releasesDir: string): Promise<void> {
  const root = join(releasesDir, FOLDER)
  await mkdir(root, { recursive: true, mode: 0o700 })
  for (const name of await readdir(root)) {
    const made = await stat(join(root, name)).catch(() => undefined)
    if (made !== undefined && Date.now() - made.mtimeMs > LEFT_OVER_AFTER_MS)
      await discard(root, name)
  }
}

/** Makes a rename in the folder, or a file's content, survive a loss of power. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

// What cannot be removed now changes nothing about the outcome: the next claim discards it, or a start does.
const clearAway = (staging: string): Promise<void> =>
  rm(staging, { recursive: true, force: true }).catch(() => {})

// Moved first: removing it piece by piece would let its owner publish what is left.
async function discard(root: string, name: string): Promise<void> {
  const away = join(root, `discarded.${randomUUID()}`)
  const moved = await rename(join(root, name), away).then(
    () => true,
    () => false,
  )
  if (moved) await rm(away, { recursive: true, force: true })
}

const isAbsence = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
