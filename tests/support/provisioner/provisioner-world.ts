import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  decodeMetadata,
  decodeStoreEvent,
  decodeTenantEvent,
  eventStreamName,
  provisionersConsumer,
} from '#contracts'
import {
  store,
  storeStream,
  tenant,
  tenantStream,
  type EventMetadata,
  type Plan,
  type StoreCommand,
  type StoreEvent,
  type TenantLimits,
} from '#domain'
import { handleCommand, openEventStore } from '#eventstore'
import { connectMessaging, ensureTopology, notify } from '#messaging'
import { createLogger } from '#observability'
import { toolPath } from '../../../embedded/tools.ts'
import { provisionerProcess } from './provisioner-process.ts'
import { tempFolder } from '../temp-folder.ts'
import { testEventStore } from '../servers/test-eventstore.ts'
import { testNats } from '../servers/test-nats.ts'

/** Shorter times than the defaults. */
const quickTimes = {
  LEASE_MS: '4000',
  RETRY_DELAYS_MS: '100,200',
}

/** A real event store and a real nats-server, and the means to ask for stores as the other services do. */
export async function provisionerWorld({
  times = quickTimes,
}: { times?: Record<string, string> } = {}) {
  await using building = new AsyncDisposableStack()
  const log = building.use(await testEventStore())
  const nats = building.use(await testNats())
  const folder = building.use(await tempFolder('storewright-provisioner-'))
  const logger = createLogger({ service: 'test', level: 'silent' })
  const eventStore = openEventStore({ connectionString: log.url, logger })
  building.defer(() => eventStore.close())
  const messaging = await connectMessaging({ url: nats.url, name: 'test', logger })
  building.defer(() => messaging.close())

  const send = async (storeId: string, command: StoreCommand, correlationId?: string) => {
    const context = contextOf(correlationId)
    const stream = storeStream(storeId)
    const decode = decodeStoreEvent
    await handleCommand({ store: eventStore, decider: store, decode, stream, command, context })
  }
  const notifyOf = async (storeId: string) => {
    await ensureTopology(messaging)
    await notify(messaging, storeId, randomUUID())
  }
  const environment = {
    EVENTSTORE_URL: log.url,
    NATS_URL: nats.url,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere',
    RELEASES_DIR: `${folder.path}/releases`,
    HELM_BIN: toolPath('helm'),
    LOG_LEVEL: 'info',
    ...times,
  }
  const stack = building.move()
  return {
    log,
    nats,
    folder: folder.path,
    eventStore,
    messaging,
    send,
    notify: notifyOf,
    requestOf,
    /** Claims the store for a worker that is dead, and returns the claim's id. */
    claim: async (storeId: string): Promise<string> => {
      const claimId = randomUUID()
      const digests = { valuesDigest: 'v', chartDigest: 'c' }
      const now = new Date().toISOString()
      await send(storeId, { type: 'ClaimStore', worker: 'dead', claimId, ...digests, now })
      return claimId
    },
    /** Reserves the store's slot with its tenant, as a request does. */
    reserveSlot: async (storeId: string): Promise<void> => {
      const now = new Date().toISOString()
      await handleCommand({
        store: eventStore,
        decider: tenant,
        decode: decodeTenantEvent,
        stream: tenantStream('demo'),
        command: { type: 'ReserveSlot', storeId, storesMax: 10, now },
        context: contextOf(),
      })
    },
    /** Sets what a tenant may, as an operator does. */
    setLimits: async (tenantId: string, limits: TenantLimits): Promise<void> => {
      const now = new Date().toISOString()
      await handleCommand({
        store: eventStore,
        decider: tenant,
        decode: decodeTenantEvent,
        stream: tenantStream(tenantId),
        command: { type: 'SetTenant', limits, suspended: false, now },
        context: contextOf(),
      })
    },
    putFile: async (file: string, content: string): Promise<void> => {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
    },
    /** Messages that a worker holds, and those that wait for one. */
    messages: async (): Promise<{ held: number; waiting: number }> => {
      const manager = await messaging.connection.jetstreamManager()
      const info = await manager.consumers.info(eventStreamName, provisionersConsumer)
      return { held: info.num_ack_pending, waiting: info.num_pending }
    },
    /** Asks for a store and notifies the provisioners. */
    request: async (change: Partial<Extract<StoreCommand, { type: 'RequestStore' }>> = {}) => {
      const storeId = randomUUID()
      await send(storeId, { ...requestOf(storeId), ...change })
      await notifyOf(storeId)
      return storeId
    },
    /** Asks for a store's upgrade, under the correlation id `trace-upgrade`, and notifies the provisioners. */
    upgrade: async (storeId: string, plan?: Plan): Promise<void> => {
      const now = new Date().toISOString()
      const command = { type: 'RequestUpgrade', plan, fingerprint: 'f', now } as const
      await send(storeId, command, 'trace-upgrade')
      await notifyOf(storeId)
    },
    /** A store's events from the log. */
    history: async (storeId: string): Promise<StoreEvent[]> => {
      const events: StoreEvent[] = []
      for await (const recorded of eventStore.readStream(storeStream(storeId))) {
        const event = decodeStoreEvent(recorded)
        if (event !== undefined) events.push(event)
      }
      return events
    },
    /** The metadata of a store's events. */
    metadata: async (storeId: string) => {
      const found: EventMetadata[] = []
      for await (const recorded of eventStore.readStream(storeStream(storeId)))
        found.push(decodeMetadata(recorded))
      return found
    },
    /** The environment of a provisioner in this world. */
    environment,
    /** A provisioner as a process of its own, taking work when this returns; ended with this world. */
    startProvisioner: async (change: Record<string, string> = {}) =>
      stack.use(await provisionerProcess(folder.path, { ...environment, ...change })),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export function contextOf(correlationId = 'trace-1') {
  const commandId = randomUUID()
  return { commandId, correlationId, actor: 'user:demo', tenantId: 'demo' }
}

export function requestOf(storeId: string) {
  return {
    type: 'RequestStore',
    storeId,
    tenantId: 'demo',
    name: 'Test Store',
    engine: 'woocommerce',
    plan: 'small',
    fingerprint: 'f'.repeat(64),
    now: new Date().toISOString(),
  } as const
}
