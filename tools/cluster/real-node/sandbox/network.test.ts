import { expect, test } from 'vitest'
import { takenBy } from './network.ts'

test('a network inside one of ours, or the same, is reported with its device', () => {
  const dev = 'docker0'
  expect(takenBy([{ dst: '10.251.0.0/16', dev }])).toEqual([
    '10.251.0.0/16 is a network of docker0',
  ])
  expect(takenBy([{ dst: '10.252.3.0/24', dev }])).toHaveLength(1)
  expect(takenBy([{ dst: '10.250.0.1', dev }])).toHaveLength(1)
})

test('a wider network, another one, the default route and our own veth pair do not conflict', () => {
  const dev = 'eth0'
  const others = ['10.0.0.0/8', '192.0.2.0/24', 'default', '10.253.0.0/16']
  const ours = { dst: '10.251.0.0/16', dev: 'storewright0' }

  expect(takenBy([...others.map((dst) => ({ dst, dev })), ours])).toEqual([])
})
