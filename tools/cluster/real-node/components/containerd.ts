import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Component } from '../../control-plane/process-group.ts'
import { ownedByRoot, packArchive, packLayer } from '../../images/archive.ts'
import type { DebianPrograms } from '../debian.ts'
import { run } from '../sandbox/run.ts'
import type { Sandbox } from '../sandbox/start.ts'
import type { NetworkPlugins } from './network-plugins.ts'

/** In the sandbox, which has its own /run. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock'

/** What every pod's network and processes are held by; made from busybox. */
const PAUSE_IMAGE = 'storewright.invalid/pause:1'

/** Runs containers. Images stay in the folder; everything else goes with the sandbox. */
export async function containerd(
  folder: string,
  debian: DebianPrograms,
  plugins: NetworkPlugins,
): Promise<Component> {
  const file = join(folder, 'containerd.toml')
  await writeFile(file, configuration(folder, debian, plugins))
  const { env } = debian
  const args = ['--config', file]
  return { name: 'containerd', command: debian.containerd, args, env, stopSignal: 'SIGKILL' }
}

function configuration(
  folder: string,
  { runc }: DebianPrograms,
  { bin, conf }: NetworkPlugins,
): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  // JSON's strings are TOML's.
  const text = JSON.stringify
  return `version = 2
root = ${text(join(folder, 'containerd'))}
state = "/run/containerd"
oom_score = 0

[grpc]
  address = ${text(CONTAINERD_SOCKET)}

[${cri}]
  sandbox_image = ${text(PAUSE_IMAGE)}
  disable_tcp_service = true
  # Without CAP_SYS_RESOURCE a lower score cannot be asked for.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [${cri}.cni]
    bin_dir = ${text(bin)}
    conf_dir = ${text(conf)}
  [${cri}.containerd]
    snapshotter = "overlayfs"
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [${cri}.containerd.runtimes.runc.options]
      SystemdCgroup = false
      BinaryName = ${text(runc)}
`
}

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
