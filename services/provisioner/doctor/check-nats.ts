import { type JetStreamManager, type NatsConnection, StorageType, type StreamInfo } from 'nats'
import { z } from 'zod'
import { pause, within } from '#async'
import { eventStreamName } from '#contracts'
import {
  bucketBytes,
  connectionOptions,
  explainRefusal,
  ifPresent,
  leaseStream,
  permitStream,
  replicasOn,
} from '#messaging'
import { answered, clusterChecks, openServer } from './nats-servers.ts'
import { type Check, checksOf, clockCheck, reasonOf } from './report.ts'

const CALL_LIMIT_MS = 5_000
const { ok, warning, wrong } = checksOf('NATS')
const topologyStreams = [eventStreamName, leaseStream, permitStream]
const SEE_CONFIGURATION = 'See the section NATS of docs/deployment.md'
const PROBE = 'STOREWRIGHT_DOCTOR'
const ADD_AGAIN_MS = 500

/**
 * What is so of the servers that NATS_URL names. Where the system's streams are not there yet, it makes an empty stream
 * in memory and one on disk and removes them at once: only that shows whether the servers would take the real ones.
 * `monitoring` is the address of a server's monitoring, where one can see how often it syncs. Never throws.
 */
export async function checkNats(url: string, monitoring?: string): Promise<Check[]> {
  const { servers, ...options } = connectionOptions(url, 'doctor')
  const opening = [servers ?? []].flat().map((server) => openServer(server, options))
  const [synced, ...asked] = await Promise.all([checkSync(monitoring), ...opening])
  const connections = asked.flatMap((each) => ('sentence' in each ? [] : each))
  try {
    const [first] = connections
    return [
      ...asked.map((each) => ('sentence' in each ? each : answered(each))),
      ...clusterChecks(connections),
      ...(first === undefined ? [] : await streamChecks(first)),
      ...synced,
    ]
  } finally {
    const closing = connections.map((connection) => within(connection.close(), CALL_LIMIT_MS))
    await Promise.allSettled(closing)
  }
}

async function streamChecks(connection: NatsConnection): Promise<Check[]> {
  const replicas = replicasOn(connection)
  const manager = await connection.jetstreamManager({ timeout: CALL_LIMIT_MS, checkAPI: false })
  try {
    await manager.getAccountInfo()
    const found: StreamInfo[] = []
    const missing: string[] = []
    for (const name of topologyStreams) {
      const info = await ifPresent(manager.streams.info(name))
      if (info === undefined) missing.push(name)
      else found.push(info)
    }
    return [
      ok('JetStream is on for the user of NATS_URL'),
      ...found.flatMap((info) => replicaChecks(info, replicas)),
      ...found.slice(0, 1).flatMap(clockOf),
      ...(missing.length === 0 ? [] : await probes(manager, missing, replicas)),
    ]
  } catch (error) {
    return [wrong(reasonOf(await explainRefusal(error, manager)), SEE_CONFIGURATION)]
  }
}

function replicaChecks({ config, cluster }: StreamInfo, wanted: number): Check[] {
  const { name, num_replicas: replicas } = config
  const behind = cluster?.replicas?.filter(({ current, offline }) => !current || offline) ?? []
  if (behind.length > 0) {
    const names = behind.map((each) => each.name).join(', ')
    return [
      wrong(
        `${name} is not up to date on ${names}`,
        'Start that server, or wait until it has caught up',
      ),
    ]
  }
  const has = `${name} has ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`
  if (replicas >= wanted) return [ok(cluster?.leader ? `${has}, led by ${cluster.leader}` : has)]
  return [wrong(`${has} in a cluster`, `Run \`nats stream edit ${name} --replicas ${wanted}\``)]
}

function clockOf(info: StreamInfo): Check[] {
  const { ts } = z.object({ ts: z.string().optional() }).parse(info)
  return ts === undefined ? [] : [clockCheck('NATS', 'the server', Date.parse(ts) - Date.now())]
}

/** Whether the streams that are missing could be made: as large, and with as many replicas. */
async function probes(
  manager: JetStreamManager,
  missing: string[],
  replicas: number,
): Promise<Check[]> {
  for (const storage of [StorageType.Memory, StorageType.File]) {
    const name = `${PROBE}_${storage.toUpperCase()}`
    await ifPresent(manager.streams.delete(name))
    const add = () =>
      manager.streams.add({
        name,
        storage,
        subjects: [`storewright-doctor.${storage}`],
        num_replicas: replicas,
        ...(storage === StorageType.Memory && { max_bytes: 2 * bucketBytes }),
      })
    // The server removes what a stream had on disk after it has said so, and takes none of that name meanwhile.
    await add().catch(() => pause(ADD_AGAIN_MS).then(add))
    // Another doctor may have removed it.
    await ifPresent(manager.streams.delete(name))
  }
  const names = missing.join(', ')
  return [
    ok(
      `${names}: not there yet, the services make them (the server took a stream like them, which is removed)`,
    ),
  ]
}

const varz = z.object({
  jetstream: z.object({
    config: z
      .object({ sync_interval: z.number().optional(), sync_always: z.boolean().optional() })
      .optional(),
  }),
})

async function checkSync(monitoring: string | undefined): Promise<Check[]> {
  const action =
    'See that nats-server has `sync_interval: always`, or three replicas of each stream'
  if (monitoring === undefined)
    return [
      warning(
        'how often it syncs to disk is not told to a client',
        `${action}; with --nats-monitoring URL the doctor looks`,
      ),
    ]
  try {
    const response = await fetch(new URL('/varz', monitoring), {
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    })
    const { jetstream } = varz.parse(await response.json())
    const { sync_always: always = false, sync_interval: interval } = jetstream.config ?? {}
    if (always) return [ok('it syncs every message to disk')]
    const seconds = interval === undefined ? 'only now and then' : `every ${interval / 1e9} s`
    return [
      warning(
        `it syncs to disk ${seconds}: a server that loses power loses what came since`,
        action,
      ),
    ]
  } catch (error) {
    return [wrong(`its monitoring cannot be read: ${reasonOf(error)}`, 'Correct --nats-monitoring')]
  }
}
