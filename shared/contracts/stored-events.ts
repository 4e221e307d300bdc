import {
  AppError,
  engines,
  failureReasons,
  plans,
  workKinds,
  type EventMetadata,
  type StoreEvent,
  type TenantEvent,
} from '#domain'
import { z } from 'zod'

/** The newest schema version of every event; a new shape raises it and is brought up to date where it is decoded. */
export const schemaVersion = 1

const time = z.iso.datetime()
const failure = {
  reason: z.enum(failureReasons),
  retryable: z.boolean(),
  detail: z.string(),
  nextAction: z.string(),
}
const claim = {
  attempt: z.int().nonnegative(),
  worker: z.string(),
  claimId: z.string(),
  kind: z.enum(workKinds),
}
const asked = z.object({ requestedAt: time })

const storeData = {
  StoreRequested: z.object({
    storeId: z.uuid(),
    tenantId: z.string(),
    name: z.string(),
    engine: z.enum(engines),
    plan: z.enum(plans),
    fingerprint: z.string(),
    requestedAt: time,
  }),
  ProvisioningStarted: z.object({
    ...claim,
    valuesDigest: z.string(),
    chartDigest: z.string(),
    takesOver: z.string().exactOptional(),
    startedAt: time,
  }),
  ProvisioningStepRecorded: z.object({
    attempt: z.int(),
    step: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    recordedAt: time,
  }),
  ProvisioningAttemptFailed: z.object({
    attempt: z.int(),
    ...failure,
    retryAt: time,
    failedAt: time,
  }),
  StoreProvisioned: z.object({
    attempt: z.int(),
    release: z.string(),
    namespace: z.string(),
    url: z.string(),
    chart: z.string(),
    chartVersion: z.string(),
    chartDigest: z.string(),
    valuesDigest: z.string(),
    adopted: z.boolean(),
    provisionedAt: time,
  }),
  StoreFailed: z.object({ attempt: z.int(), ...failure, failedAt: time }),
  RetryRequested: asked,
  CancelRequested: asked,
  DeletionRequested: asked,
  StoreDeleted: z.object({ attempt: z.int(), removed: z.array(z.string()), deletedAt: time }),
} satisfies { [Type in StoreEvent['type']]: z.ZodType }

const tenantData = {
  StoreSlotReserved: z.object({ storeId: z.uuid(), reservedAt: time }),
  StoreSlotReleased: z.object({ storeId: z.uuid(), releasedAt: time }),
} satisfies { [Type in TenantEvent['type']]: z.ZodType }

export const storeEventTypes = Object.keys(storeData)

const metadata = z.object({
  correlationId: z.string(),
  causationId: z.string().exactOptional(),
  actor: z.string(),
  tenantId: z.string(),
  schemaVersion: z.int(),
  traceparent: z.string().exactOptional(),
  commandId: z.string(),
})

/** An event as the log gives it back: the parts that decoding needs. */
interface Stored {
  type: string
  data: unknown
  stream: string
  revision: bigint
}

/** A stored event of a store's stream; undefined for a type this version does not know. Throws EVENT_UNREADABLE. */
export function decodeStoreEvent(stored: Stored): StoreEvent | undefined {
  if (!isKey(storeData, stored.type)) return undefined
  const data = parse(storeData[stored.type], stored.data, stored)
  return { type: stored.type, data } as StoreEvent // the table pairs each type with its data
}

/** A stored event of a tenant's stream; undefined for a type this version does not know. Throws EVENT_UNREADABLE. */
export function decodeTenantEvent(stored: Stored): TenantEvent | undefined {
  if (!isKey(tenantData, stored.type)) return undefined
  const data = parse(tenantData[stored.type], stored.data, stored)
  return { type: stored.type, data } as TenantEvent // the table pairs each type with its data
}

/** The metadata of a stored event. Throws EVENT_UNREADABLE. */
export function decodeMetadata(stored: Stored & { metadata: unknown }): EventMetadata {
  return parse(metadata, stored.metadata, stored)
}

function parse<T>(schema: z.ZodType<T>, value: unknown, stored: Stored): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const where = `${stored.stream}@${stored.revision}`
  throw new AppError(
    'EVENT_UNREADABLE',
    `${stored.type} at ${where} is not readable: ${z.prettifyError(parsed.error)}`,
    { details: { stream: stored.stream, revision: String(stored.revision) }, cause: parsed.error },
  )
}

function isKey<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key)
}
