import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ownedByRoot, packArchive, packLayer } from '../../images/archive.ts'
import type { DebianPrograms } from '../debian.ts'
import { run } from '../sandbox/run.ts'
import type { Sandbox } from '../sandbox/start.ts'
import { CONTAINERD_SOCKET, PAUSE_IMAGE } from './containerd.ts'

const IMPORT_TIMEOUT_MS = 600_000

export interface Images {
  /** Puts the images of a docker archive where pods find them. */
  importImage: (archive: string) => Promise<void>
  hasImage: (reference: string) => Promise<boolean>
}

/** The images of the node's containerd. */
export function imagesOf({ inside }: Sandbox, debian: DebianPrograms): Images {
  const ctr = (...args: string[]) =>
    run([...inside, debian.ctr, '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io', ...args], {
      env: debian.env,
      timeoutMs: IMPORT_TIMEOUT_MS,
    })
  return {
    importImage: async (archive) => {
      await ctr('images', 'import', resolve(archive))
    },
    hasImage: async (reference) =>
      (await ctr('images', 'list', '--quiet')).split('\n').includes(reference),
  }
}

/** Makes and imports the image that holds a pod's network: it sleeps. */
export async function importPause(
  images: Images,
  folder: string,
  { busybox }: DebianPrograms,
): Promise<void> {
  if (await images.hasImage(PAUSE_IMAGE)) return
  const root = join(folder, 'pause')
  await mkdir(root, { recursive: true })
  await copyFile(busybox, join(root, 'busybox'))
  await chmod(join(root, 'busybox'), 0o755)
  const layer = await packLayer(join(folder, 'pause-layer.tar'), [
    ...ownedByRoot,
    `--directory=${root}`,
    '.',
  ])
  const config = { Env: [], Cmd: ['/busybox', 'sleep', '2147483647'], User: '65535:65535' }
  const parts = { reference: PAUSE_IMAGE, config, layers: [layer] }
  await images.importImage(await packArchive(join(folder, 'pause.tar'), parts))
}
