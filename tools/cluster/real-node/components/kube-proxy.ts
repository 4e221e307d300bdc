import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump } from 'js-yaml'
import type { Component } from '../../control-plane/process-group.ts'
import { addresses, NODE } from '../sandbox/network.ts'

const HEALTH_PORT = 10_256
const TIMEOUT_MS = 2_000

interface ProxyOptions {
  folder: string
  programs: string
  kubeconfig: string
  /** Finds nft. */
  env: NodeJS.ProcessEnv
}

/** Makes the addresses of Services lead to their pods. */
export async function kubeProxy({
  folder,
  programs,
  kubeconfig,
  env,
}: ProxyOptions): Promise<Component> {
  const config = join(folder, 'kube-proxy.yaml')
  await writeFile(
    config,
    dump({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'nftables',
      bindAddress: addresses.node,
      hostnameOverride: NODE,
      healthzBindAddress: `${addresses.node}:${HEALTH_PORT}`,
      metricsBindAddress: '127.0.0.1:10249',
      clusterCIDR: addresses.pods,
      clientConnection: { kubeconfig },
      // The limits of connection tracking are the host's.
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
      nodePortAddresses: [`${addresses.node}/32`],
    }),
  )
  const args = [`--config=${config}`]
  const command = join(programs, 'kube-proxy')
  return { name: 'kube-proxy', command, args, env, stopSignal: 'SIGKILL' }
}

/** Throws unless Services lead somewhere. */
export async function untilProxyWorks(): Promise<void> {
  const url = `http://${addresses.node}:${HEALTH_PORT}/healthz`
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!ok) throw new Error(`${url} was answered with ${status}`)
}
