import gossip from '@eventstore/db-client/generated/gossip_pb.js'
import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { unaryCall } from './call-handlers.ts'
import { structuredUuid } from './uuid.ts'

const UNITS_PER_MS = 10_000
/** Addresses that mean all of the machine's. */
const WILDCARDS = ['0.0.0.0', '::']

/** Gossip's Read: a cluster of one, which leads it. Clients that discover their node connect to what stands here. */
export function serveGossip(address: () => { host: string; port: number }) {
  const instanceId = structuredUuid(randomUUID())
  return unaryCall(() => {
    const { host, port } = address()
    const reachable = WILDCARDS.includes(host) ? hostname() : host
    const endPoint = new gossip.EndPoint().setAddress(reachable).setPort(port)
    const member = new gossip.MemberInfo()
      .setInstanceId(instanceId)
      .setTimeStamp(`${Date.now() * UNITS_PER_MS}`)
      .setState(gossip.MemberInfo.VNodeState.LEADER)
      .setIsAlive(true)
      .setHttpEndPoint(endPoint)
    return Promise.resolve(new gossip.ClusterInfo().setMembersList([member]))
  })
}

const STREAMS = 'event_store.client.streams.streams'
const METHODS = ['read', 'append', 'batchappend', 'delete', 'tombstone']

/** The EventStoreDB version whose behaviour this server follows. */
export const COMPATIBLE_VERSION = '23.10.8'

/** GetSupportedMethods: exactly what is implemented here. */
export function serveSupportedMethods() {
  const response = new features.SupportedMethods()
    .setEventStoreServerVersion(COMPATIBLE_VERSION)
    .setMethodsList(
      METHODS.map((name) =>
        new features.SupportedMethod().setServiceName(STREAMS).setMethodName(name),
      ),
    )
  return unaryCall(() => Promise.resolve(response))
}
