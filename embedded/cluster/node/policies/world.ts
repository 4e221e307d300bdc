import type { V1NetworkPolicy, V1Pod } from '@kubernetes/client-node'
import type { Labels } from './selects.ts'

/** Something with an address that a policy can mean: a pod. */
export interface Endpoint {
  namespace: string
  labels: Labels
  ip: string
  /** Its ports that have names. */
  ports: NamedPort[]
}

interface NamedPort {
  name: string
  protocol: string
  port: number
}

/** All that decides about packets. */
export interface World {
  /** A namespace's labels by its name. */
  namespaces: Map<string, Labels>
  /** Whose packets are judged. */
  pods: Endpoint[]
  /** Programs of the node that a policy can let pods reach as if they were pods. */
  standIns: Endpoint[]
  policies: V1NetworkPolicy[]
}

/** A pod as policies see it, with the address its network was made with. */
export function endpointOf({ metadata, spec }: V1Pod, ip: string): Endpoint {
  const ports = (spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .map(({ name = '', protocol = 'TCP', containerPort: port }) => ({ name, protocol, port }))
  return { namespace: metadata?.namespace ?? '', labels: metadata?.labels ?? {}, ip, ports }
}
