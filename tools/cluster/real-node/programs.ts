import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import {
  clusterPrograms,
  clusterProgramsToBuild,
  goFolder,
  goPrograms,
  missingPrograms,
} from '../binaries/programs.ts'
import { type Api, apply } from '../control-plane/api-client.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'
import type { ProcessGroup } from '../control-plane/process-group.ts'
import { containerd, type Images, imagesOf, importPause } from './components/containerd.ts'
import { coreDns, dnsRights, untilDnsAnswers } from './components/coredns.ts'
import { kubeProxy, untilProxyWorks } from './components/kube-proxy.ts'
import { kubelet } from './components/kubelet.ts'
import { networkPlugins } from './components/network-plugins.ts'
import { debianPrograms, type DebianPrograms, hasDebianPrograms } from './debian.ts'
import { enforcePolicies } from './network-policy/enforce.ts'
import { addresses } from './sandbox/network.ts'
import { run } from './sandbox/run.ts'
import type { Sandbox } from './sandbox/start.ts'
import { provideVolumes } from './volumes.ts'

const kubernetes = {
  module: join(import.meta.dirname, '..', 'binaries', 'kubernetes'),
  name: 'node',
}
const coredns = { module: join(import.meta.dirname, '..', 'binaries', 'coredns'), name: 'dns' }

export interface NodePrograms {
  /** The folder of the control plane's programs. */
  controlPlane: string
  /** The folder of kubelet and kube-proxy. */
  kubernetes: string
  /** The folder of coredns. */
  coredns: string
  debian: DebianPrograms
}

/** All programs of a real node. Missing ones are fetched or built once, with progress on stdout. */
export async function nodePrograms(env: NodeJS.ProcessEnv): Promise<NodePrograms> {
  return {
    debian: await debianPrograms(env),
    controlPlane: await clusterPrograms(env),
    kubernetes: await goPrograms(kubernetes, env),
    coredns: await goPrograms(coredns, env),
  }
}

/** The programs that are not in the cache yet, by name. */
export function notYetMade(env: NodeJS.ProcessEnv): { built: string[]; packages: boolean } {
  const ofNode = [kubernetes, coredns].flatMap((each) => missingPrograms(each, goFolder(each, env)))
  const built = [...clusterProgramsToBuild(env), ...ofNode]
  return { built, packages: !hasDebianPrograms(env) }
}

interface ProgramsOptions {
  /** The cluster's. */
  folder: string
  programs: NodePrograms
  sandbox: Sandbox
  api: Api
  configFor: ControlPlane['configFor']
  group: ProcessGroup
  log: (line: string) => void
}

/** DNS is a program of this node; policies treat it as the DNS pod of a usual cluster. */
const dns = {
  namespace: 'kube-system',
  labels: { 'k8s-app': 'kube-dns' },
  ip: addresses.node,
  ports: [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ],
}

/** Starts what turns the sandbox into a node: containers, Services, DNS, network policies and volumes. */
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
      await run([...options.sandbox.onNetwork, debian.nft, '-f', '-'], { input, env: debian.env })
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
  const { programs, sandbox, group } = options
  const { debian } = programs
  const folder = join(options.folder, 'node')
  const plugins = await networkPlugins({ folder, given: debian.cni, socket })
  await group.launch(await containerd(folder, debian, plugins))
  const images = imagesOf(sandbox, debian)
  await group.until('containerd', async () => {
    await images.hasImage('')
  })
  await importPause(images, folder, debian)
  return images
}
