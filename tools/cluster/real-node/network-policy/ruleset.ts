import { KUBELET_PORT } from '../components/kubelet.ts'
import { addresses, veth } from '../sandbox/network.ts'
import type { World } from './endpoints.ts'
import { type Direction, rulesOf } from './rules.ts'

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
