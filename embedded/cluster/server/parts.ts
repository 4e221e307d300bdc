import { join } from 'node:path'

/** Where everything of one cluster lies and listens. */
export interface Layout {
  folder: string
  programs: string
  apiPort: number
  /** Of the fake node's kubelet, which serves the pods' logs. */
  kubeletPort: number
  /** Whether etcd waits for the disk: off it is quicker, and only a dying machine loses data. */
  durable: boolean
}

/** A program of the cluster and how it is ended. */
export interface Part {
  name: string
  args: string[]
  stopSignal: NodeJS.Signals
}

// The API server takes more than five seconds for a SIGTERM, and no state is anywhere but in etcd.
const stateless = { stopSignal: 'SIGKILL' } as const
// Sockets in the working folder, with a port only because etcd wants one: an absolute path may be
// longer than the system allows a socket's to be.
const ETCD_SOCKET = 'unix://etcd:2379'
const ETCD_PEER_SOCKET = 'unix://etcd:2380'
const rate = ['--kube-api-qps=1000', '--kube-api-burst=2000']

/** It asks nobody for a password, so it listens where only this user gets in: in the folder. */
export function etcd({ durable }: Layout): Part {
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
  return { name: 'etcd', args, stopSignal: 'SIGTERM' }
}

/** Certificates are its own: the one it signs with serves clients as their authority. */
export function apiServer(layout: Layout, tokensFile: string, keyFile: string): Part {
  const args = [
    `--etcd-servers=${ETCD_SOCKET}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${layout.apiPort}`,
    '--endpoint-reconciler-type=none',
    `--cert-dir=${join(layout.folder, 'certificates')}`,
    '--service-cluster-ip-range=10.0.0.0/16',
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
  return { name: 'kube-apiserver', args, ...stateless }
}

export function controllerManager(kubeconfig: string, keyFile: string, caFile: string): Part {
  const args = [
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${keyFile}`,
    `--root-ca-file=${caFile}`,
    '--leader-elect=false',
    '--secure-port=0',
    // Nothing renews the fake node, and after a restart it must be ready at once.
    '--node-monitor-grace-period=24h',
    '--concurrent-deployment-syncs=10',
    '--concurrent-statefulset-syncs=10',
    '--concurrent-replicaset-syncs=10',
    '--concurrent-namespace-syncs=20',
    ...rate,
  ]
  return { name: 'kube-controller-manager', args, ...stateless }
}

export function scheduler(kubeconfig: string): Part {
  const args = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0', ...rate]
  return { name: 'kube-scheduler', args, ...stateless }
}

/** Its certificate is the API server's, which does not check a kubelet's. */
export function kwok(layout: Layout, kubeconfig: string, configFile: string): Part {
  const certificate = join(layout.folder, 'certificates', 'apiserver')
  const args = [
    `--kubeconfig=${kubeconfig}`,
    `--config=${configFile}`,
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--cidr=10.244.0.0/16',
    '--node-ip=127.0.0.1',
    `--node-port=${layout.kubeletPort}`,
    `--server-address=127.0.0.1:${layout.kubeletPort}`,
    `--tls-cert-file=${certificate}.crt`,
    `--tls-private-key-file=${certificate}.key`,
  ]
  return { name: 'kwok', args, ...stateless }
}
