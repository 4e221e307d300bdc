import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Component } from '../../control-plane/process-group.ts'
import { addresses } from '../sandbox/network.ts'

const READY_PORT = 8181
const TIMEOUT_MS = 2_000
const USER = 'storewright-dns'
const RBAC = 'rbac.authorization.k8s.io'
const role = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name: USER } }

/** What the cluster's DNS has to be allowed, as objects by their paths. */
export const dnsRights = {
  [`/apis/${RBAC}/v1/clusterroles/${USER}`]: {
    ...role,
    rules: [
      {
        apiGroups: [''],
        resources: ['services', 'pods', 'namespaces'],
        verbs: ['list', 'watch'],
      },
      {
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices'],
        verbs: ['list', 'watch'],
      },
    ],
  },
  [`/apis/${RBAC}/v1/clusterrolebindings/${USER}`]: {
    ...role,
    kind: 'ClusterRoleBinding',
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: USER },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: USER }],
  },
}

/** Answers for the names of Services and pods; every other name it refuses at once. */
export async function coreDns(
  folder: string,
  programs: string,
  kubeconfig: string,
): Promise<Component> {
  const file = join(folder, 'Corefile')
  await writeFile(
    file,
    `.:53 {
  bind ${addresses.node}
  errors
  ready ${addresses.node}:${READY_PORT}
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${kubeconfig} storewright
    pods insecure
    ttl 5
  }
  cache 5
}
`,
  )
  const args = ['-conf', file]
  return { name: 'coredns', command: join(programs, 'coredns'), args, stopSignal: 'SIGKILL' }
}

/** Throws unless it knows the cluster's names. */
export async function untilDnsAnswers(): Promise<void> {
  const url = `http://${addresses.node}:${READY_PORT}/ready`
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  if (!ok) throw new Error(`${url} was answered with ${status}`)
}
