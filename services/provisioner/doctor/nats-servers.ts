import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { createInterface } from 'node:readline'
import { connect, type ConnectionOptions, ErrorCode, type NatsConnection } from 'nats'
import { z } from 'zod'
import { within } from '#async'
import { type Check, checksOf, reasonOf } from './report.ts'

const CALL_LIMIT_MS = 5_000
const { ok, warning, wrong } = checksOf('NATS')

/** A connection to this server alone, or why there is none. */
export async function openServer(
  server: string,
  options: ConnectionOptions,
): Promise<NatsConnection | Check> {
  const only = { ...options, servers: server, timeout: CALL_LIMIT_MS, reconnect: false }
  try {
    return await within(connect(only), 2 * CALL_LIMIT_MS)
  } catch (error) {
    const codes = codesOf(error)
    const refusal =
      tlsRefusals.find((one) => codes.some((code) => one.codes.test(code))) ??
      ((await asksForCertificate(server)) ? asksForOne : undefined)
    const { problem = '', action = 'Compare NATS_URL with the servers' } = refusal ?? {}
    return wrong(`${server} cannot be used: ${problem}${reasonOf(error)}`, action)
  }
}

/** By the codes of Node and of the client. */
const tlsRefusals = [
  {
    codes: /^(UNABLE_TO_VERIFY_|UNABLE_TO_GET_ISSUER_|SELF_SIGNED_|DEPTH_ZERO_)/,
    problem: 'its certificate is of an authority that is not known here: ',
    action: 'Set NODE_EXTRA_CA_CERTS to the file with the certificate of that authority',
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    problem: 'its certificate is for another host: ',
    action:
      'Name the server in NATS_URL as its certificate does, by a name and not by an IP address',
  },
  {
    codes: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    problem: 'its certificate is not valid now: ',
    action: 'Renew the certificate of the server, and compare the clocks',
  },
  {
    codes: new RegExp(`^${ErrorCode.ServerOptionNotAvailable}$`),
    problem: 'it has no TLS, and NATS_URL says tls://: ',
    action: 'Give nats-server a block `tls`, or write nats:// in NATS_URL',
  },
]

const asksForOne = {
  problem: 'it wants a certificate of the client, and the services present none: ',
  action:
    'Remove `verify` from the block `tls` of nats-server, and give NATS_URL a user and a password',
}

const greeting = z.object({ tls_verify: z.boolean().default(false) })

/** As it says to everybody who connects: where it then ends the connection, its reason is often lost on the way. */
async function asksForCertificate(server: string): Promise<boolean> {
  const { hostname, port } = new URL(`nats://${server}`)
  const socket = connectSocket(Number(port || 4222), hostname.replace(/^\[|\]$/g, ''))
  try {
    const lines = createInterface({ input: socket })
    const [line]: unknown[] = await once(lines, 'line', {
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    })
    return greeting.parse(JSON.parse(String(line).replace(/^INFO /, ''))).tls_verify
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Of the error and of what caused it. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return []
  const own = 'code' in error ? [String(error.code)] : []
  const chained: unknown = 'chainedError' in error ? error.chainedError : undefined
  return [...own, ...codesOf(chained), ...codesOf(error.cause)]
}

/** What a server that answers says of itself. */
export function answered(connection: NatsConnection): Check {
  const { version, server_name: name } = connection.info ?? {}
  return ok(`${connection.getServer()} answers: nats-server ${version}, ${name}`)
}

/** Whether the servers that answer are one cluster. */
export function clusterChecks(connections: NatsConnection[]): Check[] {
  const names = [...new Set(connections.map(({ info }) => info?.cluster ?? 'none'))]
  if (names.length === 0) return []
  if (names.length > 1)
    return [
      wrong(
        `its servers belong to different clusters: ${names.join(', ')}`,
        'Give NATS_URL the servers of one cluster',
      ),
    ]
  if (names[0] !== 'none') return [ok(`it belongs to the cluster ${names[0]}`)]
  return connections.length === 1
    ? [
        warning(
          'it is a server alone: what it holds is away with it',
          'Run three servers for production',
        ),
      ]
    : [
        wrong(
          'its servers know nothing of each other',
          'Give nats-server a block `cluster`, or NATS_URL one server',
        ),
      ]
}
