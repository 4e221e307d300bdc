import {
  AppError,
  engines,
  failureReasons,
  plans,
  workKinds,
  type EventMetadata,
  type StoreEvent,
} from '#domain'
import { z } from 'zod'

/** The newest schema version of every event; a new shape raises it and is brought up to date where it is decoded. */
export const schemaVersion = 1

export const time = z.iso.datetime()
const failure = {
  // A newer version may have given a reason this one does not know.
  reason: z.string().transform((text) => failureReasons.find((one) => one === text) ?? 'UNKNOWN'),
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
const ofUpgrade = { kind: z.literal('upgrade').exactOptional() }
const requested = z.object({ requestedAt: time })

const storeEvent = z.discriminatedUnion('type', [
  event(
    'StoreRequested',
    z.object({
      storeId: z.uuid(),
      tenantId: z.string(),
      name: z.string(),
      engine: z.enum(engines),
      plan: z.enum(plans),
      labels: z.record(z.string(), z.string()).exactOptional(),
      reference: z.string().exactOptional(),
      parameters: z
        .object({
          country: z.string().exactOptional(),
          currency: z.string().exactOptional(),
          timeZone: z.string().exactOptional(),
          locale: z.string().exactOptional(),
        })
        .exactOptional(),
      fingerprint: z.string(),
      requestedAt: time,
    }),
  ),
  event(
    'ProvisioningStarted',
    z.object({
      ...claim,
      valuesDigest: z.string(),
      chartDigest: z.string(),
      takesOver: z.string().exactOptional(),
      givenUp: z.literal(true).exactOptional(),
      startedAt: time,
    }),
  ),
  event(
    'ProvisioningStepRecorded',
    z.object({
      attempt: z.int(),
      step: z.string(),
      detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      recordedAt: time,
    }),
  ),
  event(
    'ProvisioningAttemptFailed',
    z.object({
      attempt: z.int(),
      ...failure,
      retryAt: time,
      failedAt: time,
    }),
  ),
  event(
    'StoreProvisioned',
    z.object({
      attempt: z.int(),
      ...ofUpgrade,
      release: z.string(),
      namespace: z.string(),
      url: z.string(),
      chart: z.string(),
      chartVersion: z.string(),
      chartDigest: z.string(),
      valuesDigest: z.string(),
      adopted: z.boolean(),
      smokeTest: z
        .object({
          orderId: z.string(),
          cancelled: z.boolean(),
          requests: z.int(),
          durationMs: z.number(),
        })
        .optional(),
      provisionedAt: time,
    }),
  ),
  event('StoreFailed', z.object({ attempt: z.int(), ...ofUpgrade, ...failure, failedAt: time })),
  event('RetryRequested', requested),
  event('CancelRequested', requested),
  event(
    'UpgradeRequested',
    z.object({ plan: z.enum(plans), fingerprint: z.string(), requestedAt: time }),
  ),
  event(
    'ChangeRequested',
    z.object({
      generation: z.int().min(2),
      changes: z.object({
        name: z.string().exactOptional(),
        labels: z.record(z.string(), z.string().nullable()).nullable().exactOptional(),
        reference: z.string().nullable().exactOptional(),
      }),
      fingerprint: z.string(),
      requestedAt: time,
    }),
  ),
  event('DeletionRequested', requested),
  event(
    'StoreDeleted',
    z.object({ attempt: z.int(), removed: z.array(z.string()), deletedAt: time }),
  ),
])

export const storeEventTypes: readonly string[] = typesOf(storeEvent)

const metadata = z.object({
  correlationId: z.string(),
  causationId: z.string().exactOptional(),
  actor: z.string(),
  actorName: z.string().exactOptional(),
  asOperator: z.literal(true).exactOptional(),
  address: z.string().exactOptional(),
  reason: z.string().exactOptional(),
  tenantId: z.string(),
  schemaVersion: z.int(),
  traceparent: z.string().exactOptional(),
  commandId: z.string(),
})

/** An event as the log gives it back: what decoding needs. */
interface Stored {
  type: string
  data: unknown
  stream: string
  revision: bigint
}

/** An event of one kind of stream; undefined for a type this version does not know. Throws EVENT_UNREADABLE. */
export type Decode<Event> = (stored: Stored) => Event | undefined

export const decodeStoreEvent: Decode<StoreEvent> = decoderOf(storeEvent)

/** The metadata of a stored event. Throws EVENT_UNREADABLE. */
export function decodeMetadata(stored: Stored & { metadata: unknown }): EventMetadata {
  return parse(metadata, stored.metadata, stored)
}

export function decoderOf<Event>(
  union: z.ZodType<Event> & Parameters<typeof typesOf>[0],
): Decode<Event> {
  const types = typesOf(union)
  return (stored) => {
    if (!types.includes(stored.type)) return undefined
    return parse(union, { type: stored.type, data: stored.data }, stored)
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, stored: Stored): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const where = `${stored.stream}@${stored.revision}`
  throw new AppError(
    'EVENT_UNREADABLE',
    `${stored.type} at ${where} cannot be read: ${z.prettifyError(parsed.error)}`,
    { details: { stream: stored.stream, revision: String(stored.revision) }, cause: parsed.error },
  )
}

export function event<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.object({ type: z.literal(type), data })
}

function typesOf(union: { options: readonly { shape: { type: z.ZodLiteral<string> } }[] }) {
  return union.options.map(({ shape }) => shape.type.value)
}
