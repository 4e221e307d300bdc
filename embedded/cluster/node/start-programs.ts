import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import type { Group } from '../group/group.ts'
import { apply, type Api } from '../server/api-client.ts'
import type { ControlPlane } from '../server/control-plane.ts'
import { addresses } from './machine/addresses.ts'
import { run } from './machine/run.ts'
import type { Machine } from './machine/start-machine.ts'
import { containerd } from './parts/containerd.ts'
import { coreDns, dnsRights, untilDnsAnswers } from './parts/coredns.ts'
import { imagesOf, importPause, type Images } from './parts/images.ts'
import { kubeProxy, untilProxyWorks } from './parts/kube-proxy.ts'
import { kubelet } from './parts/kubelet.ts'
import { networkPlugins } from './parts/network-plugins.ts'
import { enforcePolicies } from './policies/enforce.ts'
import type { NodePrograms } from './programs/programs.ts'
import { provideVolumes } from './volumes/provide-volumes.ts'

interface ProgramsOptions {
  /** The cluster's. */
  folder: string
  programs: NodePrograms
  machine: Machine
  api: Api
  configFor: ControlPlane['configFor']
  group: Group
  log: (line: string) => void
}

/** DNS is a program of the node here; policies mean it as they mean a pod of a usual cluster. */
const dns = {
  namespace: 'kube-system',
  labels: { 'k8s-app': 'kube-dns' },
  ip: addresses.node,
  ports: [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ],
}

/** Starts what makes the machine a node: containers, Services, DNS, network policies and volumes. */
export async function startPrograms(
  options: ProgramsOptions,
): Promise<{ images: Images; stop: () => Promise<void> }> {
  const { programs, api, group, configFor, log } = options
  const { debian } = programs
  const folder = join(options.folder, 'node')
  const config = new KubeConfig()
  config.loadFromFile(await configFor('admin'))
  const volumes = join(options.folder, 'volumes')
  const volumesProvider = await provideVolumes({ config, api, folder: volumes, log })
  const enforcer = await enforcePolicies({
    config,
    api,
    standIns: [dns],
    install: async (input) => {
      await run([...options.machine.onNetwork, debian.nft, '-f', '-'], { input, env: debian.env })
    },
    log,
  })
  const stop = async () => {
    await enforcer.stop()
    await volumesProvider.stop()
  }
  try {
    const images = await startContainers(options, enforcer.socket)
    const at = { folder, programs: programs.kubernetes, env: debian.env }
    await group.launch(await kubelet({ ...at, kubeconfig: await configFor('kubelet') }))
    await group.launch(await kubeProxy({ ...at, kubeconfig: await configFor('kubeProxy') }))
    for (const [path, object] of Object.entries(dnsRights)) await apply(api, path, object)
    await group.launch(await coreDns(folder, programs.coredns, await configFor('dns')))
    await group.until('coredns', untilDnsAnswers)
    await group.until('kube-proxy', untilProxyWorks)
    return { images, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startContainers(options: ProgramsOptions, socket: string): Promise<Images> {
  const { programs, machine, group } = options
  const { debian } = programs
  const folder = join(options.folder, 'node')
  const plugins = await networkPlugins({ folder, given: debian.cni, socket })
  await group.launch(await containerd(folder, debian, plugins))
  const images = imagesOf(machine, debian)
  await group.until('containerd', async () => {
    await images.hasImage('')
  })
  await importPause(images, folder, debian)
  return images
}
