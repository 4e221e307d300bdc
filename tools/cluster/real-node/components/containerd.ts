import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Component } from '../../control-plane/process-group.ts'
import type { DebianPrograms } from '../debian.ts'
import type { NetworkPlugins } from './network-plugins.ts'

/** In the sandbox, which has its own /run. */
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock'

/** What every pod's network and processes are held by; made from busybox. */
export const PAUSE_IMAGE = 'storewright.invalid/pause:1'

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
