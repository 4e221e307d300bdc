import {
  selects,
  type Endpoint,
  type NetworkPolicy,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
  type World,
} from './endpoints.ts'

export type Direction = 'Ingress' | 'Egress'

/** What may pass, as matches of nftables; undefined where no policy means the pod, so that all may. */
export function rulesOf(pod: Endpoint, direction: Direction, world: World): string[] | undefined {
  const mine = world.policies.filter((policy) => means(policy, pod, direction))
  if (mine.length === 0) return undefined
  const matches = mine.flatMap(({ metadata, spec }) => {
    const rules = (direction === 'Ingress' ? spec?.ingress : spec?.egress) ?? []
    const namespace = metadata?.namespace ?? ''
    return rules.flatMap((rule) => matchesOf(rule, { pod, direction, namespace, world }))
  })
  return [...new Set(matches)].toSorted()
}

function means({ metadata, spec }: NetworkPolicy, pod: Endpoint, direction: Direction): boolean {
  const implied = spec?.egress === undefined ? ['Ingress'] : ['Ingress', 'Egress']
  return (
    metadata?.namespace === pod.namespace &&
    (spec?.policyTypes ?? implied).includes(direction) &&
    selects(spec?.podSelector ?? {}, pod.labels)
  )
}

interface Context {
  pod: Endpoint
  direction: Direction
  /** The policy's. */
  namespace: string
  world: World
}

function matchesOf(rule: PolicyRule, context: Context): string[] {
  const peers = (context.direction === 'Ingress' ? rule.from : rule.to) ?? []
  const ports = rule.ports ?? []
  if (ports.length === 0) return addressesOf(peers, context)
  return ports.flatMap((port) => portMatches(port, peers, context))
}

function portMatches(
  { protocol = 'TCP', port, endPort }: PolicyPort,
  peers: PolicyPeer[],
  context: Context,
): string[] {
  const name = protocol.toLowerCase()
  const withEach = (match: string, addresses: string[]) =>
    addresses.map((each) => `${each}${match}`)
  if (port === undefined) return withEach(`meta l4proto ${name} `, addressesOf(peers, context))
  if (typeof port === 'number') {
    const last = endPort === undefined ? '' : `-${endPort}`
    return withEach(`${name} dport ${port}${last} `, addressesOf(peers, context))
  }
  // A name stands for a port of the pod that is called, each pod's own.
  const numbers = ({ ports }: Endpoint) =>
    ports.filter((each) => each.name === port && each.protocol === protocol)
  if (context.direction === 'Ingress')
    return numbers(context.pod).flatMap((each) =>
      withEach(`${name} dport ${each.port} `, addressesOf(peers, context)),
    )
  return targetsOf(peers, context).flatMap((target) =>
    numbers(target).map((each) => `ip daddr ${target.ip} ${name} dport ${each.port} `),
  )
}

/** The peers' addresses, one match for each; an empty list of peers means everybody. */
function addressesOf(peers: PolicyPeer[], context: Context): string[] {
  if (peers.length === 0) return ['']
  const side = context.direction === 'Ingress' ? 'ip saddr' : 'ip daddr'
  return peers.flatMap((peer) => {
    if (peer.ipBlock !== undefined) return blockMatch(peer.ipBlock, side)
    const ips = meantBy(peer, context).map(({ ip }) => ip)
    return ips.length === 0 ? [] : [`${side} { ${ips.toSorted().join(', ')} } `]
  })
}

// The pods' network has addresses of the fourth version only.
function blockMatch(block: { cidr: string; except?: string[] }, side: string): string[] {
  if (block.cidr.includes(':')) return []
  const except = block.except ?? []
  const but = except.length === 0 ? '' : `${side} != { ${except.join(', ')} } `
  return [`${side} ${block.cidr} ${but}`]
}

function targetsOf(peers: PolicyPeer[], context: Context): Endpoint[] {
  const { pods, standIns } = context.world
  if (peers.length === 0) return [...pods, ...standIns]
  return peers.flatMap((peer) => (peer.ipBlock === undefined ? meantBy(peer, context) : []))
}

function meantBy(peer: PolicyPeer, { namespace, world }: Context): Endpoint[] {
  const { namespaceSelector, podSelector = {} } = peer
  return [...world.pods, ...world.standIns].filter((each) => {
    const isThere =
      namespaceSelector === undefined
        ? each.namespace === namespace
        : selects(namespaceSelector, world.namespaces.get(each.namespace) ?? {})
    return isThere && selects(podSelector, each.labels)
  })
}
