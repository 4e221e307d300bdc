import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import type { Component } from '../../control-plane/process-group.ts'
import { addresses, CGROUP, NODE } from '../sandbox/network.ts'
import { CONTAINERD_SOCKET } from './containerd.ts'

export const KUBELET_PORT = 10_250

interface KubeletOptions {
  folder: string
  programs: string
  kubeconfig: string
  env: NodeJS.ProcessEnv
}

/** Runs the pods. It does not authenticate callers: the sandbox's packet filter admits only the API server. */
export async function kubelet({
  folder,
  programs,
  kubeconfig,
  env,
}: KubeletOptions): Promise<Component> {
  const config = join(folder, 'kubelet.yaml')
  const resolv = join(folder, 'resolv.conf')
  // Pods ask the cluster's DNS alone.
  await writeFile(resolv, '')
  await writeFile(config, dump(configuration(folder, resolv)))
  const args = [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${join(folder, 'kubelet')}`,
    `--cert-dir=${join(folder, 'kubelet-certificates')}`,
    `--hostname-override=${NODE}`,
    `--node-ip=${addresses.node}`,
  ]
  return { name: 'kubelet', command: join(programs, 'kubelet'), args, env, stopSignal: 'SIGKILL' }
}

function configuration(folder: string, resolvConf: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    port: KUBELET_PORT,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    failCgroupV1: false,
    failSwapOn: false,
    clusterDomain: 'cluster.local',
    clusterDNS: [addresses.node],
    resolvConf,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    maxPods: 200,
    // The kernel's settings are the host's: a kubelet that wants to change them must not start.
    protectKernelDefaults: true,
    makeIPTablesUtilChains: false,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
  }
}
