import {
  type ApiKeyEvent,
  engines,
  operationActions,
  type OperationEvent,
  operationOutcomes,
  type Plan,
  plans,
  type ReferenceEvent,
  referenceReleaseReasons,
  roles,
  slotReleaseReasons,
  storeStatuses,
  type TenantEvent,
} from '#domain'
import { z } from 'zod'
import { type Decode, decoderOf, event, time } from './stored-events.ts'

const limit = z.int().nonnegative().exactOptional()
const tenantEvent = z.discriminatedUnion('type', [
  event(
    'StoreSlotReserved',
    z.object({ storeId: z.uuid(), plan: z.enum(plans).exactOptional(), reservedAt: time }),
  ),
  event(
    'StoreSlotPlanChanged',
    z.object({ storeId: z.uuid(), plan: z.enum(plans), changedAt: time }),
  ),
  event(
    'StoreSlotReleased',
    z.object({ storeId: z.uuid(), reason: z.enum(slotReleaseReasons), releasedAt: time }),
  ),
  event(
    'TenantLimitsSet',
    z.object({
      limits: z.object({
        stores: limit,
        plans: z
          .object({ small: limit, medium: limit, large: limit } satisfies Record<Plan, unknown>)
          .exactOptional(),
        requestsPerMinute: limit,
        concurrency: limit,
      }),
      setAt: time,
    }),
  ),
  event('TenantSuspended', z.object({ suspendedAt: time })),
  event('TenantResumed', z.object({ resumedAt: time })),
])

const apiKeyEvent = z.discriminatedUnion('type', [
  event(
    'ApiKeyCreated',
    z.object({
      id: z.string(),
      tenantId: z.string(),
      name: z.string(),
      roles: z.array(z.enum(roles)),
      hash: z.string(),
      expiresAt: time.exactOptional(),
      createdAt: time,
    }),
  ),
  event('ApiKeyRevoked', z.object({ revokedAt: time })),
])

const referenceEvent = z.discriminatedUnion('type', [
  event(
    'ReferenceReserved',
    z.object({
      reference: z.string(),
      storeId: z.uuid(),
      revision: z.int().min(-1),
      requestId: z.string(),
      reservedAt: time,
    }),
  ),
  event(
    'ReferenceReleased',
    z.object({
      storeId: z.uuid(),
      requestId: z.string().exactOptional(),
      reason: z.enum(referenceReleaseReasons),
      releasedAt: time,
    }),
  ),
])

const counts = z.object({ done: z.int(), skipped: z.int(), refused: z.int() })
const text = z.string().exactOptional()
const operationEvent = z.discriminatedUnion('type', [
  event(
    'OperationRequested',
    z.object({
      operationId: z.uuid(),
      tenantId: z.string(),
      action: z.enum(operationActions),
      plan: z.enum(plans).exactOptional(),
      labels: z.record(z.string(), z.string().nullable()).exactOptional(),
      filter: z.object({
        status: z.enum(storeStatuses).exactOptional(),
        engine: z.enum(engines).exactOptional(),
        q: text,
        plan: z.enum(plans).exactOptional(),
        reference: text,
        label: z.record(z.string(), z.string()).exactOptional(),
        createdAfter: text,
        createdBefore: text,
        updatedAfter: text,
      }),
      position: z.string(),
      stores: z.int().nonnegative(),
      fingerprint: z.string(),
      requestedAt: time,
    }),
  ),
  event('StoresSelected', z.object({ storeIds: z.array(z.uuid()) })),
  event(
    'BatchDone',
    z.object({
      from: z.int().nonnegative(),
      results: z.array(
        z.object({ storeId: z.uuid(), outcome: z.enum(operationOutcomes), code: text }),
      ),
      doneAt: time,
    }),
  ),
  event('OperationCancelled', z.object({ cancelledAt: time })),
  event(
    'OperationEnded',
    z.object({ outcome: z.enum(['completed', 'cancelled']), counts, endedAt: time }),
  ),
])

export const decodeOperationEvent: Decode<OperationEvent> = decoderOf(operationEvent)
export const decodeTenantEvent: Decode<TenantEvent> = decoderOf(tenantEvent)
export const decodeApiKeyEvent: Decode<ApiKeyEvent> = decoderOf(apiKeyEvent)
export const decodeReferenceEvent: Decode<ReferenceEvent> = decoderOf(referenceEvent)
