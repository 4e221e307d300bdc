import { join } from 'node:path'
import type { Component } from './process-group.ts'

/** Folders, addresses and ports of one cluster. */
export interface Layout {
  folder: string
  programs: string
  /** The address the API server listens at. */
  apiHost: string
  apiPort: number
  /** The addresses of Services. */
  services: string
  /** Whether etcd waits for the disk: without it etcd is quicker, and only a crash of the machine loses data. */
  durable: boolean
}

export const loopback = { apiHost: '127.0.0.1', services: '10.0.0.0/16' }

// The API server needs more than five seconds to end on SIGTERM, and all state is in etcd.
const stateless = { stopSignal: 'SIGKILL' } as const
// Sockets in the working folder, with a port only because etcd wants one: an absolute path may be
// longer than the system allows a socket's to be.
const ETCD_SOCKET = 'unix://etcd:2379'
const ETCD_PEER_SOCKET = 'unix://etcd:2380'
const rate = ['--kube-api-qps=1000', '--kube-api-burst=2000']

/** It does not authenticate callers, so it listens on a socket that only this user can reach: in the folder. */
export function etcd({ programs, durable }: Layout): Component {
  const args = [
    '--data-dir=etcd',
    `--listen-client-urls=${ETCD_SOCKET}`,
    `--advertise-client-urls=${ETCD_SOCKET}`,
    `--listen-peer-urls=${ETCD_PEER_SOCKET}`,
    `--initial-advertise-peer-urls=${ETCD_PEER_SOCKET}`,
    `--initial-cluster=default=${ETCD_PEER_SOCKET}`,
    '--quota-backend-bytes=4294967296',
    '--log-level=warn',
    ...(durable ? [] : ['--unsafe-no-fsync']),
  ]
  return { name: 'etcd', command: join(programs, 'etcd'), args, stopSignal: 'SIGTERM' }
}

/** It creates its own certificates; clients use the signing one as their authority. */
export function apiServer(layout: Layout, tokensFile: string, keyFile: string): Component {
  const args = [
    `--etcd-servers=${ETCD_SOCKET}`,
    `--bind-address=${layout.apiHost}`,
    `--advertise-address=${layout.apiHost}`,
    `--secure-port=${layout.apiPort}`,
    // Published as an endpoint only where pods can reach it: their loopback is their own.
    `--endpoint-reconciler-type=${layout.apiHost === loopback.apiHost ? 'none' : 'lease'}`,
    `--cert-dir=${join(layout.folder, 'certificates')}`,
    `--service-cluster-ip-range=${layout.services}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${keyFile}`,
    `--service-account-key-file=${keyFile}`,
    `--token-auth-file=${tokensFile}`,
    '--authorization-mode=Node,RBAC',
    '--anonymous-auth=false',
    '--allow-privileged=true',
    '--enable-priority-and-fairness=false',
    '--max-requests-inflight=0',
    '--max-mutating-requests-inflight=0',
    '--event-ttl=1h',
    '--kubelet-preferred-address-types=InternalIP',
  ]
  return {
    name: 'kube-apiserver',
    command: join(layout.programs, 'kube-apiserver'),
    args,
    ...stateless,
  }
}

interface ManagerFiles {
  kubeconfig: string
  /** Signs the tokens of service accounts. */
  keyFile: string
  caFile: string
}

export function controllerManager({ programs }: Layout, files: ManagerFiles): Component {
  const args = [
    `--kubeconfig=${files.kubeconfig}`,
    `--service-account-private-key-file=${files.keyFile}`,
    `--root-ca-file=${files.caFile}`,
    '--leader-elect=false',
    '--secure-port=0',
    // Nothing renews the fake node's lease, and after a restart the node must be ready at once.
    '--node-monitor-grace-period=24h',
    '--concurrent-deployment-syncs=10',
    '--concurrent-statefulset-syncs=10',
    '--concurrent-replicaset-syncs=10',
    '--concurrent-namespace-syncs=20',
    ...rate,
  ]
  const name = 'kube-controller-manager'
  return { name, command: join(programs, name), args, ...stateless }
}

export function scheduler({ programs }: Layout, kubeconfig: string): Component {
  const args = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0', ...rate]
  return { name: 'kube-scheduler', command: join(programs, 'kube-scheduler'), args, ...stateless }
}

interface KwokConfig {
  kubeconfig: string
  configFile: string
  /** Of the fake node's kubelet, which serves the pods' logs. */
  kubeletPort: number
}

/** It uses the API server's certificate: the API server does not verify a kubelet's. */
export function kwok({ folder, programs }: Layout, config: KwokConfig): Component {
  const certificate = join(folder, 'certificates', 'apiserver')
  const args = [
    `--kubeconfig=${config.kubeconfig}`,
    `--config=${config.configFile}`,
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--cidr=10.244.0.0/16',
    '--node-ip=127.0.0.1',
    `--node-port=${config.kubeletPort}`,
    `--server-address=127.0.0.1:${config.kubeletPort}`,
    `--tls-cert-file=${certificate}.crt`,
    `--tls-private-key-file=${certificate}.key`,
  ]
  return { name: 'kwok', command: join(programs, 'kwok'), args, ...stateless }
}
