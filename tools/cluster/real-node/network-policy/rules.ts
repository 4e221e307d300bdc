import { KUBELET_PORT } from '../components/kubelet.ts'
import { addresses, veth } from '../sandbox/network.ts'
import {
  type Endpoint,
  type NetworkPolicy,
  type PolicyPeer,
  type PolicyPort,
  type PolicyRule,
  selects,
  type World,
} from './endpoints.ts'

interface Chain {
  ip: string
  name: string
  rules: string[]
}

/**
 * Everything that is refused, as one table: nft replaces the last one in one step. A pod that is not known yet
 * can neither send nor receive. The host can reach everything, as a node does.
 */
export function ruleset(world: World): string {
  const incoming = chainsOf(world, 'Ingress')
  const outgoing = chainsOf(world, 'Egress')
  const established = 'ct state established,related accept'
  const fromHost = `iifname ${veth.node} accept`
  const fromPods = [...unknown(world, 'saddr'), ...jumps('saddr', outgoing)]
  const forward = [
    'type filter hook forward priority filter; policy accept',
    established,
    fromHost,
    ...fromPods,
    ...unknown(world, 'daddr'),
    ...jumps('daddr', incoming),
    // Refused at once instead of dropped: pods may use nothing of the host, and nothing is behind it.
    `oifname ${veth.node} reject`,
  ]
  const input = [
    'type filter hook input priority filter; policy accept',
    established,
    'iifname lo accept',
    // The kubelet does not authenticate callers.
    `tcp dport ${KUBELET_PORT} reject with tcp reset`,
    fromHost,
    ...fromPods,
  ]
  const chains = [
    ...[...incoming, ...outgoing].map(({ name, rules }) => chain(name, rules)),
    chain('forward', forward),
    chain('input', input),
  ]
  const table = 'table ip storewright'
  return `${table}\ndelete ${table}\n${table} {\n${chains.join('')}}\n`
}

/** One chain for each pod that a policy selects: what no rule allows is refused. */
function chainsOf(world: World, direction: Direction): Chain[] {
  const [name, side] = direction === 'Ingress' ? ['in', 'saddr'] : ['out', 'daddr']
  return world.pods
    .toSorted((a, b) => a.ip.localeCompare(b.ip))
    .flatMap((pod) => {
      const matches = rulesOf(pod, direction, world)
      if (matches === undefined) return []
      const own = `ip ${side} ${pod.ip} return`
      const rules = [own, ...matches.map((match) => `${match}return`), 'drop']
      return [{ ip: pod.ip, name: `${name}_${pod.ip.replaceAll('.', '_')}`, rules }]
    })
}

function jumps(side: string, chains: Chain[]): string[] {
  if (chains.length === 0) return []
  return [`ip ${side} vmap { ${chains.map(({ ip, name }) => `${ip} : jump ${name}`).join(', ')} }`]
}

function unknown({ pods }: World, side: string): string[] {
  const all = `ip ${side} ${addresses.pods}`
  if (pods.length === 0) return [`${all} drop`]
  const known = pods.map(({ ip }) => ip).toSorted()
  return [`${all} ip ${side} != { ${known.join(', ')} } drop`]
}

function chain(name: string, rules: string[]): string {
  return `  chain ${name} {\n${rules.map((rule) => `    ${rule}\n`).join('')}  }\n`
}

type Direction = 'Ingress' | 'Egress'

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
  const withEach = (match: string, before: string[]) => before.map((each) => `${each}${match}`)
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
