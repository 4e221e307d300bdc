import { expect, test } from 'vitest'
import { rulesOf } from './rules.ts'
import type { Endpoint, NetworkPolicy, World } from './endpoints.ts'

const shop = pod('shop', 'db', '10.252.0.1', 5432)
const server = pod('shop', 'server', '10.252.0.2', 9000)
const stranger = pod('other', 'server', '10.252.0.3', 9001)
const dns = pod('kube-system', 'dns', '10.250.0.1', 53)
const everyPod = { podSelector: {} }

test('a pod that no policy of its namespace means is free', () => {
  const world = worldWith({ podSelector: { matchLabels: { app: 'server' } } })
  expect(rulesOf(shop, 'Ingress', world)).toBeUndefined()
  expect(rulesOf(stranger, 'Ingress', worldWith(everyPod))).toBeUndefined()
})

test('a policy without types is about what comes in, and about what goes out where it says so', () => {
  expect(rulesOf(shop, 'Ingress', worldWith(everyPod))).toEqual([])
  expect(rulesOf(shop, 'Egress', worldWith(everyPod))).toBeUndefined()
  expect(rulesOf(shop, 'Egress', worldWith({ ...everyPod, egress: [] }))).toEqual([])
})

test('a peer is of the own namespace unless it names namespaces', () => {
  const podSelector = { matchLabels: { app: 'server' } }
  const from = (peer: object) =>
    rulesOf(shop, 'Ingress', worldWith({ ...everyPod, ingress: [{ from: [peer] }] }))

  expect(from({ podSelector })).toEqual(['ip saddr { 10.252.0.2 } '])
  expect(from({ podSelector, namespaceSelector: {} })).toEqual([
    'ip saddr { 10.252.0.2, 10.252.0.3 } ',
  ])
  expect(from({ namespaceSelector: { matchLabels: { name: 'other' } } })).toEqual([
    'ip saddr { 10.252.0.3 } ',
  ])
})

test('peers nobody answers to let nobody in, no peers let in everybody', () => {
  const nobody = { podSelector: { matchLabels: { app: 'ghost' } } }
  const ports = [{ port: 5432 }]
  const rules = (rule: object) =>
    rulesOf(shop, 'Ingress', worldWith({ ...everyPod, ingress: [rule] }))

  expect(rules({ from: [nobody], ports })).toEqual([])
  expect(rules({ ports })).toEqual(['tcp dport 5432 '])
  expect(rules({})).toEqual([''])
})

test('ports are numbers, ranges, protocols, or names that each pod gives its own number', () => {
  const to = [{ namespaceSelector: {} }]
  const out = (port: object) =>
    rulesOf(shop, 'Egress', worldWith({ ...everyPod, egress: [{ to, ports: [port] }] }))
  const all = 'ip daddr { 10.250.0.1, 10.252.0.1, 10.252.0.2, 10.252.0.3 } '

  expect(out({ port: 53, protocol: 'UDP' })).toEqual([`${all}udp dport 53 `])
  expect(out({ port: 80, endPort: 90 })).toEqual([`${all}tcp dport 80-90 `])
  expect(out({ protocol: 'SCTP' })).toEqual([`${all}meta l4proto sctp `])
  expect(out({ port: 'server' })).toEqual([
    'ip daddr 10.252.0.2 tcp dport 9000 ',
    'ip daddr 10.252.0.3 tcp dport 9001 ',
  ])
  const named = { ...everyPod, ingress: [{ ports: [{ port: 'db' }] }] }
  expect(rulesOf(shop, 'Ingress', worldWith(named))).toEqual(['tcp dport 5432 '])
  expect(rulesOf(server, 'Ingress', worldWith(named))).toEqual([])
})

test('a block is all of its addresses but the exceptions; one of the sixth version is nobody here', () => {
  const except = ['10.0.0.0/8', '127.0.0.0/8']
  const to = [
    { ipBlock: { cidr: '0.0.0.0/0', except } },
    { ipBlock: { cidr: '192.0.2.0/24' } },
    { ipBlock: { cidr: '::/0', except: ['fc00::/7'] } },
  ]
  const world = worldWith({ ...everyPod, policyTypes: ['Egress'], egress: [{ to }] })

  expect(rulesOf(shop, 'Egress', world)).toEqual([
    'ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8, 127.0.0.0/8 } ',
    'ip daddr 192.0.2.0/24 ',
  ])
})

function worldWith(...specs: NonNullable<NetworkPolicy['spec']>[]): World {
  return {
    namespaces: new Map(['shop', 'other', 'kube-system'].map((name) => [name, { name }])),
    pods: [shop, server, stranger],
    standIns: [dns],
    policies: specs.map((spec) => ({ metadata: { namespace: 'shop' }, spec })),
  }
}

function pod(namespace: string, app: string, ip: string, port: number): Endpoint {
  return { namespace, labels: { app }, ip, ports: [{ name: app, protocol: 'TCP', port }] }
}
