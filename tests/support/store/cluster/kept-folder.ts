import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from '../../../../embedded/tools.ts'
import { own } from '../../../../tools/cluster/owner.ts'

const OWN = 'owner'
const WHICH = 'images'
const CLUSTER = 'cluster'
const NODE = 'node'
/** The images in the form the node runs them: a minute's work, and the same in each run. */
const IMAGES = 'containerd'

/**
 * A folder in the user's cache for one run at a time, without anything of earlier ones, also broken off, but
 * the images their node had, where those are the same. `cluster` is the place in it for the cluster.
 */
export async function keptFolder(env: NodeJS.ProcessEnv, images: string[]) {
  const path = join(cacheFolder(env), 'store-run')
  const cluster = join(path, CLUSTER)
  await mkdir(join(cluster, NODE), { recursive: true })
  const owner = await own(path, 'A run of these tests')
  const clear = async (isSame: boolean) => {
    await removeAllBut(path, [OWN, WHICH, CLUSTER])
    await removeAllBut(cluster, [NODE])
    await removeAllBut(join(cluster, NODE), isSame ? [IMAGES] : [])
  }
  const which = join(path, WHICH)
  const before = await readFile(which, 'utf8').catch(() => '')
  await clear(before === images.join())
  await writeFile(which, images.join())
  return {
    path,
    cluster,
    [Symbol.asyncDispose]: async () => {
      await clear(true)
      await owner.release()
    },
  }
}

async function removeAllBut(folder: string, kept: string[]): Promise<void> {
  for (const name of await readdir(folder))
    if (!kept.includes(name)) await rm(join(folder, name), { recursive: true, force: true })
}
