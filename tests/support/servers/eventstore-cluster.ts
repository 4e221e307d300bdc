import gossip from '@eventstore/db-client/generated/gossip_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { Client, credentials } from '@grpc/grpc-js'
import { randomUUID } from 'node:crypto'
import { freePort } from '../../../embedded/processes/free-port.ts'
import { type AppendFate, startNode } from './eventstore-node.ts'
import { testEventStore } from './test-eventstore.ts'

interface Member {
  port: number
  id: string
  server: { stop: () => void } | undefined
  isIsolated: boolean
  frozen: PromiseWithResolvers<void> | undefined
}

interface ClusterOptions {
  /** How long the others take to see that the leader is gone. */
  electionMs?: number
  /** Whether an append that was answered Timeout was written. */
  isWritten?: () => boolean
  /** Query options of the connection string. */
  options?: string
  /** The address of the event store behind the nodes; one of its own unless given. */
  behind?: string
}

/**
 * Three addresses in front of one embedded event store that answer as the nodes of a cluster do while it breaks. Times
 * are shorter than those of a real cluster, except the 2 s after which an append is answered Timeout.
 */
export async function eventStoreCluster(options: ClusterOptions = {}) {
  const { electionMs = 300, isWritten = () => true } = options
  const own = options.behind === undefined ? await testEventStore() : undefined
  const behind = new URL(options.behind ?? own?.url ?? '')
  const upstream = new Client(behind.host, credentials.createInsecure())
  const members: Member[] = []
  let leader: number | undefined = 0
  let fate: AppendFate | undefined
  let delayMs = 0
  let isCold = false
  let readRefusal: 'position' | 'denied' | undefined
  let election: NodeJS.Timeout | undefined

  const isInTouch = ({ server, isIsolated, frozen }: Member) =>
    server !== undefined && !isIsolated && frozen === undefined
  const hasMajority = () => members.filter(isInTouch).length >= 2
  const member = (n: number): Member => {
    const found = members[n]
    if (found === undefined) throw new Error(`There is no node ${n}`)
    return found
  }
  const leads = () => leader !== undefined && hasMajority() && isInTouch(member(leader))
  const elect = () => {
    if (leads()) return
    leader = hasMajority() ? members.findIndex(isInTouch) : undefined
  }
  const changed = () => {
    clearTimeout(election)
    election = setTimeout(elect, electionMs)
  }
  const fateAt = (n: number): AppendFate => {
    if (fate !== undefined) return fate
    if (leader === undefined) return 'not ready'
    if (leads()) return isInTouch(member(n)) ? 'done' : 'not ready'
    return leader === n ? 'timed out' : 'unanswered'
  }
  const stateSeen = (from: number, n: number) => {
    const { MemberInfo } = gossip
    const isSeen = from === n || (isInTouch(member(from)) && isInTouch(member(n)))
    if (leader === n && (isSeen || !leads())) return { isSeen, state: MemberInfo.VNodeState.LEADER }
    const follows = isSeen && leads() && isInTouch(member(n))
    return { isSeen, state: MemberInfo.VNodeState[follows ? 'FOLLOWER' : 'UNKNOWN'] }
  }
  const gossipOf = (from: number) =>
    new gossip.ClusterInfo()
      .setMembersList(
        members.map(({ port, id }, n) => {
          const { isSeen, state } = stateSeen(from, n)
          return new gossip.MemberInfo()
            .setInstanceId(new shared.UUID().setString(id))
            .setTimeStamp(`${Date.now() * 10_000}`)
            .setState(state)
            .setIsAlive(isSeen)
            .setHttpEndPoint(new gossip.EndPoint().setAddress('127.0.0.1').setPort(port))
        }),
      )
      .serializeBinary()
  const start = async (n: number) => {
    const { port } = member(n)
    member(n).server ??= await startNode({
      port,
      upstream,
      fate: () => fateAt(n),
      isWritten,
      isCold: () => isCold,
      readRefusal: () => readRefusal,
      delayMs: () => delayMs,
      thawed: async () => member(n).frozen?.promise,
      leaderPort: () => (leader === undefined || leader === n ? undefined : member(leader).port),
      gossip: () => gossipOf(n),
    })
    changed()
  }
  const set = (n: number, change: Partial<Member>) => {
    Object.assign(member(n), change)
    changed()
  }
  for (let n = 0; n < 3; n++) {
    const port = await freePort()
    const id = randomUUID()
    members.push({ port, id, server: undefined, isIsolated: false, frozen: undefined })
    await start(n)
  }
  return {
    url: `esdb://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}?tls=false${options.options ?? ''}`,
    leader: () => leader,
    /** Every node is there and follows a leader, and appends are done. */
    isWhole: () => fate === undefined && leads() && members.every(isInTouch),
    /** All appends meet this fate at every node; undefined: as the cluster's state says. */
    setFate: (next: AppendFate | undefined) => (fate = next),
    delayAppends: (ms: number) => (delayMs = ms),
    /** `position`: reads at the leader are refused as from a position at which no record begins. `denied`: all reads are. */
    refuseReads: (refusal: typeof readRefusal) => (readRefusal = refusal),
    /** Every node has just started: not ready, and reads are answered as if the log were empty. */
    setCold: (cold: boolean) => {
      isCold = cold
      fate = cold ? 'not ready' : undefined
    },
    moveLeader: (n: number) => (leader = n),
    kill: (n: number) => {
      member(n).server?.stop()
      set(n, { server: undefined })
    },
    start,
    freeze: (n: number) => set(n, { frozen: member(n).frozen ?? Promise.withResolvers() }),
    thaw: (n: number) => {
      member(n).frozen?.resolve()
      set(n, { frozen: undefined })
    },
    /** Cuts a node off from its peers; clients still reach it. */
    isolate: (n: number) => set(n, { isIsolated: true }),
    rejoin: (n: number) => set(n, { isIsolated: false }),
    async [Symbol.asyncDispose]() {
      clearTimeout(election)
      for (const { server, frozen } of members) {
        frozen?.resolve()
        server?.stop()
      }
      upstream.close()
      await own?.[Symbol.asyncDispose]()
    },
  }
}
