import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addresses } from '../sandbox/network.ts'

const notifyPlugin = join(import.meta.dirname, '..', 'network-policy', 'cni-notify.js')

/** Two folders, of programs and of what they are told. */
export interface NetworkPlugins {
  bin: string
  conf: string
}

interface PluginOptions {
  folder: string
  /** The folder of the plugins that are not ours. */
  given: string
  /** Where the last plugin reports the pod. */
  socket: string
}

/** Each pod gets a veth pair of its own, so all it sends and gets is routed, and can be refused, by the node. */
export async function networkPlugins({
  folder,
  given,
  socket,
}: PluginOptions): Promise<NetworkPlugins> {
  const [bin, conf] = [join(folder, 'cni', 'bin'), join(folder, 'cni', 'conf')]
  await rm(join(folder, 'cni'), { recursive: true, force: true })
  await mkdir(bin, { recursive: true })
  await mkdir(conf, { recursive: true })
  for (const name of ['host-local', 'loopback', 'ptp'])
    await symlink(join(given, name), join(bin, name))
  const script = `#!${process.execPath}\nimport(${JSON.stringify(notifyPlugin)})\n`
  await writeFile(join(bin, 'notify'), script, { mode: 0o755 })
  const ranges = [[{ subnet: addresses.pods }]]
  // In the sandbox's own /run: when the pods go, their addresses are free again.
  const ipam = { type: 'host-local', dataDir: '/run/cni', ranges, routes: [{ dst: '0.0.0.0/0' }] }
  const plugins = [
    { type: 'ptp', ipMasq: false, ipam },
    { type: 'notify', socket },
  ]
  const list = { cniVersion: '0.4.0', name: 'pods', plugins }
  await writeFile(join(conf, '10-pods.conflist'), JSON.stringify(list))
  return { bin, conf }
}
