import type { KubernetesObject, V1LabelSelector, V1Pod } from '@kubernetes/client-node'

/** Something with an address that a policy can select: a pod. */
export interface Endpoint {
  namespace: string
  labels: Labels
  ip: string
  /** Its named ports. */
  ports: NamedPort[]
}

interface NamedPort {
  name: string
  protocol: string
  port: number
}

/** Everything that decides about packets. */
export interface World {
  /** Labels by the namespace's name. */
  namespaces: Map<string, Labels>
  /** The pods whose packets are filtered. */
  pods: Endpoint[]
  /** Programs of the node that policies treat as pods. */
  standIns: Endpoint[]
  policies: NetworkPolicy[]
}

/** As the API sends it; the library's own type renames some fields. */
export interface NetworkPolicy extends KubernetesObject {
  spec?: {
    podSelector?: V1LabelSelector
    policyTypes?: string[]
    ingress?: PolicyRule[]
    egress?: PolicyRule[]
  }
}

export interface PolicyRule {
  /** Of a rule for what comes in. */
  from?: PolicyPeer[]
  /** Of a rule for what goes out. */
  to?: PolicyPeer[]
  ports?: PolicyPort[]
}

export interface PolicyPeer {
  ipBlock?: { cidr: string; except?: string[] }
  namespaceSelector?: V1LabelSelector
  podSelector?: V1LabelSelector
}

export interface PolicyPort {
  protocol?: string
  port?: number | string
  endPort?: number
}

/** A pod as policies see it, with the address of its network. */
export function endpointOf({ metadata, spec }: V1Pod, ip: string): Endpoint {
  const ports = (spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .map(({ name = '', protocol = 'TCP', containerPort: port }) => ({ name, protocol, port }))
  return { namespace: metadata?.namespace ?? '', labels: metadata?.labels ?? {}, ip, ports }
}

export type Labels = Record<string, string>

/** Whether a selector means an object with these labels; an empty one means every object. */
export function selects(selector: V1LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'In') return value !== undefined && values.includes(value)
      if (operator === 'NotIn') return value === undefined || !values.includes(value)
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      throw new Error(`A label selector has the unknown operator ${operator}`)
    })
  )
}
