import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Machine } from '../machine/start-machine.ts'
import { run } from '../machine/run.ts'
import type { DebianPrograms } from '../programs/debian.ts'
import { CONTAINERD_SOCKET, PAUSE_IMAGE } from './containerd.ts'
import { dockerArchive } from './docker-archive.ts'

const IMPORT_TIMEOUT_MS = 600_000

export interface Images {
  /** Puts the images of a docker archive where pods find them. */
  importImage: (archive: string) => Promise<void>
  hasImage: (reference: string) => Promise<boolean>
}

/** The images of the node's containerd. */
export function imagesOf({ inside }: Machine, debian: DebianPrograms): Images {
  const ctr = (...args: string[]) =>
    run([...inside, debian.ctr, '--address', CONTAINERD_SOCKET, '--namespace', 'k8s.io', ...args], {
      env: debian.env,
      timeoutMs: IMPORT_TIMEOUT_MS,
    })
  return {
    importImage: async (archive) => {
      await ctr('images', 'import', archive)
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
  const config = { Entrypoint: ['/busybox', 'sleep', '2147483647'], User: '65535:65535' }
  const file = join(folder, 'pause.tar')
  await dockerArchive({ reference: PAUSE_IMAGE, root, config, file })
  await images.importImage(file)
}
