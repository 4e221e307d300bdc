import { readFile } from 'node:fs/promises'
import { connect, type IncomingHttpHeaders, type SecureClientSessionOptions } from 'node:http2'
import { isIP } from 'node:net'
import gossip from '@eventstore/db-client/generated/gossip_pb.js'
import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import { reasonOf } from './report.ts'

const ASK_LIMIT_MS = 5_000
const UNITS_PER_MS = 10_000
const { VNodeState } = gossip.MemberInfo
const stateNames = new Map(
  Object.entries(VNodeState).map(([name, state]): [number, string] => [
    Number(state),
    name.toLowerCase(),
  ]),
)

/** A node as the others tell of it. */
export interface Member {
  address: string
  state: string
  isAlive: boolean
  /** By its own clock, in milliseconds since 1970; 0 where it does not say. */
  seenMs: number
}

/** What one address of the connection string says; `message` where it says nothing. */
export type Answer = { address: string; askedMs: number; tookMs: number } & (
  { version: string; members: Member[] } | { message: string }
)

interface Endpoint {
  addresses: string[]
  scheme: 'http' | 'https'
  tls: SecureClientSessionOptions
  authorization: string | undefined
}

/** The parts of a connection string that `eventStoreVariables` has let through. Throws where a file of it cannot be read. */
export async function endpointOf(connectionString: string): Promise<Endpoint> {
  const [, user, hosts = '', query = ''] =
    /^esdb(?:\+discover)?:\/\/(?:([^@]+)@)?([^/?]+)\/?(?:\?(.*))?$/i.exec(
      connectionString.trim(),
    ) ?? []
  const options = new Map(
    [...new URLSearchParams(query)].map(([name, value]) => [
      name.toLowerCase().replace(/[_-]/g, ''),
      value,
    ]),
  )
  const caFile = options.get('tlscafile')
  const credentials = user?.split(':').map(decodeURIComponent).join(':')
  return {
    addresses: hosts.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:2113`)),
    scheme: options.get('tls')?.toLowerCase() === 'false' ? 'http' : 'https',
    tls: {
      ...(caFile !== undefined && { ca: await readFile(caFile) }),
      rejectUnauthorized: options.get('tlsverifycert')?.toLowerCase() !== 'false',
    },
    authorization: credentials && `Basic ${Buffer.from(credentials).toString('base64')}`,
  }
}

/** Asks this very node, for no longer than 5 s. Never throws. */
export async function askNode(address: string, endpoint: Endpoint): Promise<Answer> {
  const askedMs = Date.now()
  const started = performance.now()
  try {
    const [told, can] = await Promise.all([
      callEmpty(address, endpoint, '/event_store.client.gossip.Gossip/Read'),
      callEmpty(
        address,
        endpoint,
        '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
      ),
    ])
    const members = gossip.ClusterInfo.deserializeBinary(told).getMembersList().map(memberOf)
    const version = features.SupportedMethods.deserializeBinary(can).getEventStoreServerVersion()
    return { address, askedMs, tookMs: performance.now() - started, version, members }
  } catch (error) {
    return { address, askedMs, tookMs: performance.now() - started, message: reasonOf(error) }
  }
}

function memberOf(info: InstanceType<typeof gossip.MemberInfo>): Member {
  const where = info.getHttpEndPoint()
  return {
    address: `${where?.getAddress()}:${where?.getPort()}`,
    state: stateNames.get(info.getState()) ?? 'unknown',
    isAlive: info.getIsAlive(),
    seenMs: Number(info.getTimeStamp()) / UNITS_PER_MS,
  }
}

const EMPTY_MESSAGE = Buffer.alloc(5)
const HEADER_BYTES = 5

/** One gRPC call with an empty message, to this very node: the client would go on to another. */
function callEmpty(address: string, endpoint: Endpoint, path: string): Promise<Buffer> {
  const { scheme, tls, authorization } = endpoint
  return new Promise((resolve, reject) => {
    const { hostname } = new URL(`${scheme}://${address}`)
    // An address of IP is no name that TLS may ask for.
    const isName = isIP(hostname.replace(/[[\]]/g, '')) === 0
    const session = connect(`${scheme}://${address}`, {
      ...tls,
      ...(!isName && { servername: '' }),
    })
    const end = (error: Error) => {
      clearTimeout(late)
      session.destroy()
      // Of a connection that failed the call says only that it was cancelled.
      reject(error.cause instanceof Error ? error.cause : error)
    }
    const late = setTimeout(
      () => end(new Error(`no answer within ${ASK_LIMIT_MS / 1_000} s`)),
      ASK_LIMIT_MS,
    )
    session.on('error', end)
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(authorization !== undefined && { authorization }),
    })
    const chunks: Buffer[] = []
    let failure: string | undefined
    const seeStatus = (headers: IncomingHttpHeaders) => {
      const [status, message] = [headers['grpc-status'], headers['grpc-message']].map(String)
      if (status !== 'undefined' && status !== '0') failure = `gRPC ${status}: ${message}`
    }
    call.on('response', seeStatus).on('trailers', seeStatus).on('error', end)
    call.on('data', (chunk: Buffer) => chunks.push(chunk))
    call.on('end', () => {
      if (failure !== undefined) return end(new Error(failure))
      clearTimeout(late)
      session.close()
      resolve(Buffer.concat(chunks).subarray(HEADER_BYTES))
    })
    call.end(EMPTY_MESSAGE)
  })
}
